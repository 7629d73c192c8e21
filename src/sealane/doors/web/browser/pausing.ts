/* Waiting for a connection: how long between tries, and when one on which nothing moves counts as broken.

   Time is read from the clock on the wall: a timer does not count what the machine has slept. */

const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15000]
const STILL_MS = 90_000
const LOOK_MS = 5_000

/** Pause before the next try, the longer the more have failed; less where the browser tells that it has a connection again,
    or that somebody is back at the machine. Throws what `stop` says. */
export function pause(failures: number, stop: AbortSignal): Promise<void> {
  const page = (globalThis as { document?: Document }).document // workers have none
  return new Promise((done, failed) => {
    const timer = setTimeout(finish, PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)])
    globalThis.addEventListener("online", finish)
    page?.addEventListener("visibilitychange", finish)
    stop.addEventListener("abort", finish)
    function finish(): void {
      clearTimeout(timer)
      globalThis.removeEventListener("online", finish)
      page?.removeEventListener("visibilitychange", finish)
      stop.removeEventListener("abort", finish)
      if (stop.aborted) failed(stop.reason)
      else done()
    }
  })
}

/** Calls `broken` once nothing has moved for too long, as after a sleep. */
export class Pulse {
  private moved = Date.now()
  private readonly look: ReturnType<typeof setInterval>

  constructor(broken: () => void) {
    this.look = setInterval(() => {
      if (Date.now() - this.moved <= STILL_MS) return
      this.end()
      broken()
    }, LOOK_MS)
  }

  beat(): void {
    this.moved = Date.now()
  }

  end(): void {
    clearInterval(this.look)
  }
}
