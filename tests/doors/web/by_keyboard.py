"""Going about a page by the Tab key alone, where each stop on the way must be seen."""

STOPS_MAX = 80
_STOP = """wanted => {
  const one = document.activeElement
  const { outlineStyle, outlineWidth } = getComputedStyle(one)
  const seen = one.matches(":focus-visible") && outlineStyle !== "none" && parseFloat(outlineWidth) > 0
  return [one.matches(wanted), one === document.body || seen, one.outerHTML.slice(0, 200)]
}"""


async def tab_to(page, selector):
    """Go to something by the Tab key; fail where a stop has the focus and nobody sees it."""
    for _ in range(STOPS_MAX):
        await page.keyboard.press("Tab")
        there, seen, what = await page.evaluate(_STOP, selector)
        assert seen, f"nobody sees that this has the focus: {what}"
        if there:
            return
    raise AssertionError(f"the Tab key does not reach {selector}")
