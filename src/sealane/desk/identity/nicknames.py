"""What people are called at home, and the name on their papers: common English short forms."""

from __future__ import annotations

from typing import Final

_FORMS: Final = """
alexander alex al sandy|andrew andy drew|anthony tony|barbara barb|benjamin ben benny|catherine katherine kathryn
kathy cathy kate katie kitty|charles charlie chuck chas|christopher chris topher kit|daniel dan danny|david dave davy|
deborah debra deb debbie|donald don donny|dorothy dot dottie|edward ed eddie ted ned|elizabeth liz beth betty betsy
eliza lizzie|frances fran|francis frank|frederick fred freddie|gerald jerry|gregory greg|harold hal harry|henry hank|
jacob jake|james jim jimmy jamie|janet jan|jeffrey jeff|jennifer jen jenny|jessica jess jessie|john johnny jack|
jonathan jon|joseph joe joey|joshua josh|judith judy|kenneth ken kenny|kimberly kim|lawrence larry|leonard len lenny|
margaret maggie meg peggy marge|matthew matt|michael mike mick mickey|nancy nan|nathaniel nathan nate|nicholas nick|
pamela pam|patricia pat patty tricia trish|patrick paddy|peter pete|philip phillip phil|raymond ray|rebecca becky|
richard rick rich dick ricky|robert bob bobby rob robbie bert|ronald ron ronnie|samuel sam sammy|
stephen steven steve|susan sue susie suzie|theodore theo|thomas tom tommy|timothy tim|victoria vicky|vincent vince|
virginia ginny|walter walt|william bill billy will willie liam|zachary zach zack
""".replace("\n", " ")

FORMAL: Final = {
    called: names[0]
    for names in (each.split() for each in _FORMS.split("|"))
    for called in names[1:]
    if called.isalpha()
}
"""The name on the papers for each short form. A form that stands for several (Pat, Chris) stands for the first."""
