"""The pages for people at a browser: signing in, files, one's own account, administration. They decide nothing.

Lives here: what a page shows and what a form means, turned into operations and back; templates, styles, the program
that browsers run. Not here: content and uploads (`doors/http`, on whose door these pages stand), rights (the keeper).
Must stay true: everything comes from this server and nothing is inline, so that the policy of every page is
`default-src 'none'`; templates escape by default and none comes from data; a form that changes something carries a
token that no other site can read; nothing uploaded is ever shown in a page; what a page can do without JavaScript
(look, download, administer) it does without.
"""
