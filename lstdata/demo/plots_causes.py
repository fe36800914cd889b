"""Plots whose ending is the consequence of a cause: what the weather was, what was broken, who was needed."""

from __future__ import annotations

from lstdata.demo.plots import Plot, branches, values

CAUSES = (
    Plot(
        "outing",
        {
            "goal": values(
                "the lake | the old castle | the windmill | the waterfall | the lighthouse | the abbey | the cliffs"
            ),
            "food": values("sandwiches | cherries | boiled eggs | bread and honey | plum cake | walnuts | pears"),
            "bag": values("basket | rucksack | suitcase | handcart"),
        },
        (
            (
                "On {day} {hero} and {friend} set out for {goal}.",
                "{hero} had promised to walk with {friend} to {goal}.",
            ),
            ("They had packed a {bag} full of {food}.", "Their {bag} was heavy with {food}."),
        ),
        branches("""
            rain: Soon dark clouds came, and rain poured down for hours. / But it rained so hard that the road became
                a stream.
                > They came home soaked and hung their wet coats by the fire. / Their shoes were full of water when
                  they came home.
            sun: The sky was blue, and the sun burned all day. / There was no shade, and the sun was terribly hot.
                > They came home with red, burnt faces and drank cold lemonade. / Thirsty and sunburnt, they rested in
                  the cool cellar.
            snow: During the night deep snow had covered the hills. / Snow began to fall, thick and silent.
                > They came home on a sledge and warmed their frozen fingers. / They built a snowman before they went
                  home.
            wind: A wild wind blew from the north. / The wind howled and bent the trees.
                > A gust took the hat from {hero} and carried it away for ever. / They came home with tangled hair and
                  without their hats.
            fog: Thick fog lay over the valley. / A grey fog came up, and they could see nothing.
                > They lost the path and followed the sound of the bells home. / They walked in circles, for they
                  could not see the path.
            thunder: Thunder rolled behind the mountains. / Lightning flashed above the hills.
                > A burning tree fell beside them, struck by lightning. / They lay flat in a ditch until the thunder
                  was over.
        """),
        (("", "Still they did not turn back.", '"Let us go on," said {friend}.'), ("", "It was a day to remember.")),
    ),
    Plot(
        "repair",
        {
            "thing": values("gate | boat | cart | shed | swing | cradle | bridge | stall | bench | fence | wagon"),
            "owner": values("grandmother | farmer | miller | widow | priest | fisherman | shepherd | nurse"),
            "hour": values("before dinner | before dark | at noon | before the feast | by morning"),
        },
        (
            (
                "The {owner} asked {hero} to mend the {thing}.",
                "{hero} wanted to mend the {thing} of the {owner} {hour}.",
            ),
            ("", "It had stood outside all winter.", "It was older than {hero}."),
        ),
        branches("""
            nail: One board hung loose. / A few boards had come off.
                > {he} took a hammer and some nails and fixed the boards. / With ten new nails the boards were tight
                  again.
            saw: A long plank stuck out and was in the way. / One plank was far too long.
                > {he} fetched a saw and cut the plank short. / Sawdust fell as {hero} cut the plank.
            paint: The colour had faded and was peeling off. / It was strong, but its colour was gone.
                > {he} fetched a brush and painted it bright green. / Two coats of paint made it shine again.
            oil: An iron hinge squeaked horribly. / Its rusty hinge cried like a cat.
                > {he} put a drop of oil on the hinge, and it was silent. / A little oil stopped the noise.
            soap: It was covered with mud and bird droppings. / It was only dirty, dirty from end to end.
                > {he} brought hot water and soap and scrubbed it clean. / {he} washed it with a sponge until the
                  water ran clear.
            rope: Its rope had worn thin and snapped. / The old rope was broken.
                > {he} tied a strong new rope to it. / {he} made three knots in the new rope and pulled.
            glue: A small piece had cracked off, and {hero} still had it. / It had split in two clean pieces.
                > {he} glued the pieces together and let them dry. / The glue held, and no crack could be seen.
        """),
        (
            ("{hero} looked at it carefully.", "{hero} scratched {his} head.", "{friend} offered to help."),
            ("", "It did not take long."),
        ),
    ),
    Plot(
        "helper",
        {
            "village": values("village | harbour | valley | island | suburb | mining town | fishing port"),
            "mood": values("worried | angry | tired | puzzled | calm | frightened"),
            "season": values("spring | summer | autumn | winter"),
            "home": values("cottage | farm | flat | caravan | cabin"),
        },
        (("{hero} lived in a {home} in a small {village}.", "One {season} {hero} rented a {home} in the {village}."),),
        branches("""
            tooth: One night a terrible pain in {his} tooth woke {him}. / {his} tooth ached so much that {he} could
                not eat.
                > The dentist pulled the tooth, and the pain was gone. / "Open wide," said the dentist.
            pipe: A pipe burst, and water ran over the floor. / Water was dripping from a pipe in the ceiling.
                > The plumber closed the leak, and the floor dried. / The plumber brought a new pipe.
            horse: {his} horse began to limp. / {his} horse would not eat and lay in the straw.
                > The vet bandaged the leg of the horse. / The vet gave the horse some medicine.
            fire: Smoke and flames rose from the roof. / A candle had set the curtains on fire.
                > The firemen came with long hoses and put out the flames. / The firemen saved the house, but the
                  curtains were ashes.
            engine: The engine of {his} car would not start. / {his} car stopped with a bang.
                > The mechanic opened the bonnet and changed a part of the engine. / The mechanic towed the car to the
                  garage.
            thief: A window was smashed, and {his} silver was gone. / A stranger had stolen {his} purse.
                > The police caught the thief at the station. / Two policemen found the silver and arrested the thief.
            shoe: {his} shoes had holes in the soles. / The heel of {his} boot fell off.
                > The cobbler put new soles on the shoes. / The cobbler hammered and stitched until the boots were
                  like new.
            fever: {he} had a fever and a bad cough. / {he} shivered, and {his} forehead was hot.
                > The doctor told {him} to stay in bed and take syrup. / The doctor listened to {his} chest and
                  brought down the fever.
        """),
        (
            ("{hero} was {mood} and called for help.", "{he} felt {mood} and went to {friend}, who knew what to do."),
            ("", "Help came within the hour.", '"I know just the right person," said {friend}.'),
        ),
    ),
    Plot(
        "crossing",
        {
            "thing": values("plank | ladder | raft | footbridge | branch | stepladder | tree trunk"),
            "water": values("stream | pond | ditch | canal | swamp | moat | river"),
            "prize": values("ball | kite | lamb | hat | kitten | bicycle | puppy | canoe"),
        },
        (
            ("{his} {prize} was on the other side of the {water}.", "{hero} saw {his} {prize} across the {water}."),
            ("There was only {a thing} to cross by.", "The only way over was {a thing}."),
        ),
        branches("""
            strong: It was new, and it was thick and strong. / A carpenter had made it of strong new oak.
                > It held, and {hero} fetched the {prize} with dry feet. / {he} crossed safely and held the {prize} in
                  {his} arms.
            rotten: It was old, and the wood was rotten. / Worms had eaten it, and it was full of cracks.
                > It broke in the middle, and {hero} fell into the cold {water}. / There was a loud crack, a splash,
                  and {hero} was wet all over.
            ice: It was covered with smooth ice. / In the frost it had become as slippery as glass.
                > {he} slipped on the ice and hurt {his} knee. / {his} feet slid away, and {he} sat on the ice with a
                  bruise.
            guarded: A huge growling dog was lying on it. / A fierce dog slept on it, tied to a chain.
                > The dog barked and showed its teeth, so {hero} ran away. / {he} threw a bone, and while the dog ate
                  it {he} hurried past.
        """),
        (
            ("{friend} warned {him} to be careful.", '"Wait!" cried {friend}.', "{hero} took a deep breath."),
            ("{he} stepped on it slowly.", "Step by step {he} went forward."),
        ),
    ),
    Plot(
        "baking",
        {
            "dish": values("pie | stew | pudding | loaf | tart | roast | dumpling | omelette | cake"),
            "guest": values("mayor | bishop | headmaster | landlord | judge | general | admiral | queen"),
            "event": values("birthday | wedding | harvest | victory | holiday | christening"),
        },
        (
            (
                "For the {event} {hero} cooked {a dish} for the {guest}.",
                "The {guest} was coming to the {event}, and {hero} made {a dish}.",
            ),
        ),
        branches("""
            salt: By mistake {he} put in a whole cup of salt. / {he} took the salt for sugar and used a lot of it.
                > The {guest} coughed and drank four glasses of water. / "It tastes like the sea!" cried the {guest}.
            burnt: {he} fell asleep, and it stayed in the oven for hours. / {he} forgot it in the hot oven.
                > It was as black as coal, and the kitchen was full of smoke. / They scraped off the black crust and
                  ate bread instead.
            perfect: {he} followed the recipe of {his} grandmother with care. / {he} had practised for weeks, and it
                smelled wonderful.
                > The {guest} asked for a second plate and kissed the cook. / Not a crumb was left, and everybody
                  cheered.
            raw: The stove had gone out without {his} noticing. / There was no wood left to heat the stove.
                > It was cold and raw inside, and nobody could chew it. / The {guest} cut it open and found it raw.
            pepper: The lid of the pepper pot fell off, and all the pepper went in. / {he} dropped the pepper pot into
                it.
                > The {guest} sneezed eleven times. / Everybody at the table began to sneeze.
            stolen: {he} left it on the window sill, where a dog was passing. / A hungry dog watched the open kitchen
                door.
                > The dish was empty, and the dog licked its lips. / There was nothing to serve, because the dog had
                  eaten everything.
        """),
        (
            ("{hero} laid the table with the best plates.", "{friend} lit the candles.", "At eight the bell rang."),
            ("Then it was time to eat.", "All the guests sat down."),
        ),
    ),
    Plot(
        "contest",
        {
            "game": values(
                "chess | swimming | running | singing | archery | spelling | dancing | rowing | skating | juggling"
            ),
            "place": values("school | county | club | town | army | island"),
            "prize": values("silver cup | gold medal | pony | bag of coins | painted drum"),
        },
        (
            (
                "The {place} held {a game} contest, and the prize was a {prize}.",
                "{hero} wanted to win the {prize} in the {game} contest of the {place}.",
            ),
        ),
        branches("""
            practice: {he} practised every morning for a year. / Day after day {he} trained with the best teacher.
                > {hero} won easily and carried the {prize} home. / {hero} was better than all the others and took the
                  {prize}.
            lazy: {he} lay in bed every day and never practised. / But {he} was lazy and only talked about it.
                > {hero} came last and promised to work harder. / {hero} lost at once, and {his} rivals laughed.
            ill: On the day before it {he} caught a bad flu. / That week {he} broke {his} arm.
                > {hero} listened to the cheering from {his} bed. / {hero} could not take part and sent {his} best
                  wishes.
            cheat: {he} secretly paid the judge. / {he} made a secret plan to cheat.
                > The trick was discovered, and {hero} was sent away in shame. / Somebody had seen the cheating, and
                  {hero} had to leave.
            late: That morning the train stood still for hours. / {his} alarm clock was broken.
                > When {hero} arrived, it was already over. / {hero} ran in out of breath, too late, and found an
                  empty hall.
        """),
        (
            ("{friend} bought a ticket to watch.", "A large crowd came to see it.", "Everybody talked about it."),
            ("", "The drums began to beat."),
        ),
    ),
)
