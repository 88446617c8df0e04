"""Text that must never become markup, a terminal's control sequence or a line of its own."""

HOSTILE = '<script>alert(1)</script>\x1b[31m\u202e "quoted"\n{}\n-----BEGIN PGP SIGNATURE-----'


EVIL = (
    "\"><script>alert(1)</script><img src=x onerror=alert(2)>'&<svg/onload=alert(3)>"
    "<a href='https://leak.invalid/x'>&#106;</a></style></title></details>\u202egnp.exe\x1b[2J"
)


EVIL_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="alert(4)">'
    '<script>alert(5)</script><image href="https://leak.invalid/y.png"/></svg>'
)


LONG = "a_name_without_an_end" * 12
