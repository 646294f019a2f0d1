"""Short forms of given names in English, so that Bill and William can be one person."""

from __future__ import annotations

_FORMS = """
abigail abby gail|alexander alex sandy|alexandra lexi|alfred alf fred|amanda mandy|andrew andy drew|angela angie
anthony tony|arthur art|barbara barb babs|benjamin ben benny|bernard bernie|beverly bev|bradley brad|calvin cal
cameron cam|caroline carrie|catherine cathy|katherine kathy katie kate kathryn kathleen|charles chuck charlie
christina tina chrissy|christopher chris topher|clifford cliff|cynthia cindy|daniel dan danny|david dave davy
deborah deb debbie debra|dennis denny|donald don donnie|dorothy dot dottie|douglas doug|edward ed eddie ted
eleanor ellie|elizabeth liz beth betty lizzie eliza|emily em|eugene gene|frances fran|francis frank
franklin frankie|frederick freddie|gabriel gabe|gerald gerry jerry|gregory greg|harold hal|henry hank
isabella bella|jacob jake|jacqueline jackie|james jim jimmy jamie|janet jan|jeffrey jeff|jennifer jen jenny
jessica jess jessie|john jack johnny|jonathan jon|joseph joe joey|joshua josh|judith judy|kenneth ken kenny
kimberly kim|lawrence larry|leonard leo len|louis lou|madeline maddie|margaret peggy maggie meg marge
matthew matt|megan meggie|melissa missy mel|michael mike mick mikey|mitchell mitch|nancy nan|natalie nat
nathaniel nathan nate|nicholas nick nicky|olivia liv|pamela pam|patricia pat patty trish|patrick paddy
peter pete|philip phil phillip|raymond ray|rebecca becky becca|richard rick dick rich richie
robert bob rob bobby robbie|ronald ron ronnie|russell russ|samantha sammy|samuel sam|stephanie steph|stephen steve steven|stuart stu
susan sue susie|theodore theo teddy|theresa terry tess|thomas tom tommy|timothy tim timmy|valerie val
victoria vicky vicki tori|vincent vince vinny|walter walt|william bill will billy willie|zachary zach
"""
_FULL = {
    form: names[0]
    for names in (part.split() for part in _FORMS.replace("\n", "|").split("|"))
    if names
    for form in names
}


def given_name(name: str) -> str:
    """Return the full form of a folded given name (``bill`` -> ``william``); any other name as it is."""
    return _FULL.get(name, name)
