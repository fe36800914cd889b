"""Plots whose ending must remember which of two things was said: a box or a jar, the red door or the green one."""

from __future__ import annotations

from lstdata.demo.plots import Plot, each, values

MEMORY = (
    Plot(
        "hiding",
        {
            "thing": values(
                "coin | ring | key | letter | medal | whistle | pearl | stamp | button | watch | map | ruby"
            ),
            "room": values("kitchen | attic | cellar | workshop | stable | pantry | hallway | laundry"),
            "thief": values("thieves | mice | visitors | children | soldiers"),
        },
        (
            (
                "{hero} owned {a thing} that had belonged to {his} grandfather.",
                "{hero} had found {a thing} on the road.",
            ),
            ("In the {room} stood a {one} and a {two}.", "The {room} held only a {one} and a {two}."),
        ),
        each(
            "jar | box | drawer | basket | boot | cupboard | chest | teapot | barrel | bucket | vase | sack",
            (
                "Afraid of {thief}, {he} hid the {thing} in the {pick}.",
                "Because of {thief}, {he} put the {thing} into the {pick} and told nobody.",
            ),
            (
                "{hero} reached into the {pick} and took out the {thing}.",
                "The {thing} was still in the {pick}, and {hero} smiled.",
            ),
        ),
        (
            ("", "Then {he} went to bed.", "Nobody had seen it."),
            (
                "A month later {friend} asked to see the {thing}.",
                "Years passed, and at last {he} needed the {thing}.",
                "On {day} {friend} came to fetch the {thing}.",
            ),
        ),
    ),
    Plot(
        "doors",
        {
            "house": values("palace | tower | inn | museum | castle | hotel | temple | school | theatre | ship"),
            "treasure": values("garden | library | bathroom | stage | throne | staircase | feast | piano | fountain"),
            "guide": values("porter | guard | gardener | captain | nun | sailor"),
        },
        (
            ("{hero} had never been inside the {house} before.", "On {day} {hero} got lost in the {house}."),
            (
                "At the end of the hall there were two doors, one {one} and one {two}.",
                "{he} came to a {one} door and a {two} door, side by side.",
            ),
        ),
        each(
            "red | green | blue | yellow | white | black | brown | purple | silver | golden",
            (
                'The {guide} whispered, "The {treasure} is behind the {pick} door; the {other} one is locked."',
                "An old {guide} told {him} that the {pick} door led to the {treasure}, and not the {other} one.",
            ),
            (
                "So {he} opened the {pick} door and saw the {treasure}.",
                "{hero} pushed the {pick} door, and there was the {treasure}!",
            ),
        ),
        (("", "{he} thanked the {guide}.", "{he} waited until the {guide} had gone."), ("", "The clock struck nine.")),
    ),
    Plot(
        "supper",
        {
            "place": values("inn | market | fair | station | harbour café | village feast | tavern | picnic"),
            "work": values(
                "a long walk | a hard day in the fields | the football match | swimming | the concert | a long ride"
            ),
            "seat": values("by the window | near the stove | under a lamp | on a bench | in the corner"),
        },
        (
            ("After {work}, {hero} and {friend} were hungry.", "{hero} felt very hungry after {work}."),
            ("At the {place} there was only {one} or {two}.", "The cook at the {place} offered them {one} or {two}."),
        ),
        each(
            "soup | fish | cheese | rice | pancakes | salad | noodles | sausages | porridge | melon | mushrooms | cake",
            (
                "{hero} could not stand {other}, but {he} had always loved {pick}.",
                "{hero} was fond of {pick}, while {other} made {him} ill.",
            ),
            (
                "{he} ordered the {pick} and ate every bite.",
                "Soon {hero} was eating a large plate of {pick}.",
            ),
        ),
        (("They sat down {seat}.", "{friend} found a place {seat}."), ("", '"What will you have?" asked the cook.')),
    ),
    Plot(
        "market",
        {
            "shop": values("baker | farmer | florist | tailor | grocer | toymaker | potter | weaver | jeweller"),
            "coins": values("two | three | five | seven | nine | ten | twelve"),
            "kin": values("mother | uncle | aunt | brother | sister | cousin | neighbour | teacher"),
        },
        (
            (
                "{hero} went to town with {coins} coins from {his} {kin}.",
                "{his} {kin} gave {hero} {coins} silver coins.",
            ),
            ("The {shop} was selling {one} and {two}.", "On the table of the {shop} lay {one} and {two}."),
        ),
        each(
            "ribbons | candles | apples | scarves | plates | roses | gloves | onions | lanterns | kites | eggs",
            (
                '"Please bring me {pick}, not {other}," {his} {kin} had said.',
                "{his} {kin} had plenty of {other} already and needed {pick}.",
            ),
            (
                "In the evening {hero} came home with a bag of {pick}.",
                "{hero} paid for the {pick} and ran home.",
            ),
        ),
        (
            ("{he} thought hard for a moment.", "The {shop} was in a hurry.", "It was nearly evening."),
            ("", "Then {he} remembered."),
        ),
    ),
)
