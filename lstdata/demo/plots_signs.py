"""Plots whose ending is told by a sign: an animal by its voice, a visitor by his tracks, a gift by a hobby."""

from __future__ import annotations

from lstdata.demo.plots import Plot, branches, values

SIGNS = (
    Plot(
        "pet",
        {
            "opening": values("gate | window | back door | hatch | barn door"),
            "time": values("night | Sunday | afternoon | evening | morning | winter day"),
            "searcher": values("twins | baker | postman | milkman | scouts | whole street | choir"),
        },
        (),
        branches("""
            cat: {hero} had a grey cat with soft fur. / A fat cat lived with {hero}.
                > There was a meow, and they saw it high up in a tree. / It was on the roof, purring and licking its
                  paws.
            dog: {hero} had a brown dog with a long tail. / A faithful dog lived with {hero}.
                > They heard barking, and it ran to {hero} and wagged its tail. / It was digging up a bone behind the
                  shed.
            duck: {hero} kept a white duck. / A lame duck lived with {hero}.
                > It was swimming on the pond, quacking happily. / A loud quack came from the reeds.
            parrot: {hero} had a green parrot. / A clever parrot lived with {hero}.
                > "Good morning!" it screamed from a chimney and spread its wings. / It sat on a lamp and was talking
                  to the sparrows.
            horse: {hero} owned a young horse. / A black horse lived in the stable of {hero}.
                > It was galloping over the meadow with its mane flying. / It neighed and let {hero} climb into the
                  saddle.
            rabbit: {hero} had a rabbit with long ears. / A shy rabbit lived in the hutch of {hero}.
                > It was nibbling carrots in the garden. / Two long ears were sticking out of a hole.
            hen: {hero} had a speckled hen. / A hen lived in the yard of {hero}.
                > It was sitting on three warm eggs. / It had laid an egg in the hay and was clucking proudly.
            goat: {hero} had a stubborn goat. / A goat with a beard lived with {hero}.
                > It had eaten the washing and was pointing its horns at them. / It was chewing a shirt and would not
                  be milked.
            bee: {hero} kept bees in a hive. / A swarm of bees lived in the garden of {hero}.
                > They were hanging in a buzzing cloud under a branch. / They were flying from flower to flower,
                  making honey.
        """),
        (
            (
                "One {time} the {opening} was left open, and the place was empty.",
                "But one {time} somebody forgot to close the {opening}.",
            ),
            ("{hero} searched everywhere, and the {searcher} helped.", "The {searcher} went out with {hero} to look."),
            ("", "They looked until it was late.", "{friend} brought a lantern."),
        ),
    ),
    Plot(
        "noise",
        {
            "room": values("barn | larder | chapel | greenhouse | loft | mill | tent | henhouse | bakery"),
            "time": values("midnight | dawn | dusk | two in the morning | bedtime"),
            "weapon": values("broom | torch | stick | pan | lantern | shovel | umbrella"),
        },
        (
            ("At {time} {hero} heard a strange noise in the {room}.", "A noise from the {room} woke {hero} at {time}."),
            ("{he} took {a weapon} and went to look.", "With {a weapon} in {his} hand {he} crept closer."),
        ),
        branches("""
            mouse: The cheese had tiny tooth marks. / There were crumbs of cheese beside a very small hole.
                > It was only a mouse, and it slipped into its hole. / A little mouse ran over {his} foot.
            owl: Large feathers and tiny bones lay on the floor. / Two round yellow eyes shone from a beam.
                > It was an owl, and it flew off without a sound. / "Hoo, hoo," called the owl.
            bear: The honey was gone, and the paw prints were enormous. / Something heavy had broken the honey pots.
                > It was a bear, and {hero} climbed a tree. / A big bear stood up on its hind legs and growled.
            fox: There was red fur on the fence, and two chickens were missing. / The chickens screamed, and red fur
                stuck to the wire.
                > It was a fox with a bushy tail. / A sly fox ran off with a chicken in its jaws.
            snake: A long dry skin lay on the floor. / Something hissed in the dark.
                > It was a snake, coiled up beneath a basket. / A snake slid away through the grass.
            spider: A great web hung across the corner. / Silky threads were stuck to {his} face.
                > It was a spider with eight hairy legs. / A fat spider sat in its web and waited for flies.
            ghost: A white sheet was moving, and somebody was giggling. / Something white said boo and laughed like a
                child.
                > Under the sheet was {friend}, who had played a trick. / {hero} pulled off the sheet and found
                  {friend}.
            frog: There were wet marks on the floor, and something croaked. / Something small and green jumped into a
                bucket.
                > It was a frog, and {hero} carried it to the pond. / A slimy frog hopped out of the door.
        """),
        (
            ("{his} heart beat fast.", "{he} held {his} breath.", "{he} was not a coward."),
            ("Then {he} saw it.", '"Who is there?" {he} called.'),
        ),
    ),
    Plot(
        "gift",
        {
            "feast": values("birthday | wedding | name day | farewell | first day at work | Christmas"),
            "money": values("all {his} savings | a week of wages | a borrowed coin | {his} pocket money"),
            "paper": values("red paper | a silk scarf | old newspaper | a wooden box | brown cloth | leaves"),
            "bond": values("classmates | neighbours | cousins | old friends | workmates"),
        },
        (("{hero} and {friend} were {bond}.", "{hero} thought about the {feast} of {friend}."),),
        branches("""
            paint: {friend} loved to paint flowers and faces. / {friend} filled whole albums with pictures.
                > It was a box of colours with two fine brushes. / Soon {friend} was painting a sunset.
            music: {friend} loved music and hummed all day. / {friend} dreamed of playing in an orchestra.
                > It was a small flute, and {friend} played a tune. / {friend} took the violin and played a waltz.
            book: {friend} read by candle light until late at night. / {friend} could not live without stories.
                > It was a thick book of fairy tales. / {friend} read the first chapter at once.
            garden: {friend} spent every hour in the garden. / {friend} was proud of the vegetables behind the house.
                > It was a bag of tulip seeds. / In May the new seeds came up in the flower bed.
            fishing: {friend} was always down at the river, catching trout. / {friend} knew where the biggest trout
                swam.
                > It was a fishing rod with a silver hook. / The next day {friend} caught a pike with the new rod.
            sewing: {friend} made all the dresses for the family. / {friend} could sew the finest dresses.
                > It was a set of needles and coloured thread. / Out of the velvet {friend} made a beautiful dress.
            stars: {friend} knew the name of every star. / On clear nights {friend} watched the moon.
                > It was a telescope, and that night they looked at the planets. / Through the telescope they saw the
                  rings of Saturn.
            tea: {friend} drank tea from morning until night. / {friend} was never seen without a cup of tea.
                > It was a china teapot with painted swans. / They boiled water and filled the new teapot.
        """),
        (
            (
                "For the {feast} {hero} spent {money} on a present.",
                "So {hero} bought a present for the {feast} with {money}.",
            ),
            (
                "{friend} opened the present, which was wrapped in {paper}.",
                "It was wrapped in {paper}, and {friend} could hardly wait.",
            ),
        ),
    ),
    Plot(
        "journey",
        {
            "town": values("Rome | Paris | Dublin | Vienna | London | Oslo | Lisbon | Prague | Venice | Boston"),
            "reason": values(
                "visit an uncle | sell a painting | see a doctor | find work | hear a famous singer | study law"
            ),
            "luggage": values("trunk | suitcase | violin case | birdcage | hatbox"),
        },
        (("{hero} left home to {reason} in {town}.", "To {reason}, {hero} had to travel to {town}."),),
        branches("""
            train: {he} went by train. / {he} caught the express train.
                > The whistle blew, and the carriages rolled up to the platform. / The conductor stamped {his} ticket
                  at the last station.
            ship: {he} sailed on a ship. / {he} took a cabin on an old ship.
                > The sailors threw the anchor into the harbour. / Seagulls cried as {he} walked down to the pier.
            plane: {he} went by plane. / {he} took a seat in a small plane.
                > The wheels touched the runway, and the pilot thanked them all. / They came down through the clouds
                  and landed at the airport.
            bicycle: {he} rode {his} bicycle. / {he} went all the way on a bicycle.
                > {his} legs hurt from the pedals, and both tyres were flat. / {he} leaned the bicycle against a wall
                  and wiped the chain.
            camel: {he} rode on a camel. / {he} crossed the desert on a camel.
                > It knelt in the sand and let {him} climb down from its hump. / It drank for an hour at the oasis.
            coach: {he} went in a coach with four horses. / {he} took the mail coach, pulled by four horses.
                > The driver dropped the reins and fed the horses. / The tired horses stopped in front of the inn.
            balloon: {he} went in a hot air balloon. / {he} stepped into the basket of a balloon.
                > They let out the hot air and came down in a field. / The great silk bag sank slowly and hung in a
                  treetop.
        """),
        (
            (
                "{his} {luggage} was heavy.",
                "{he} carried nothing but a {luggage}.",
                "{friend} waved until {he} was out of sight.",
            ),
            ("The journey took two days.", "{he} slept a little and dreamed of home.", "It was a long way."),
            ("At last they arrived.", "Finally {hero} was there."),
        ),
    ),
    Plot(
        "holiday",
        {
            "company": values(
                "an aunt | two cousins | the school class | a pen friend | three brothers | a strict uncle"
            ),
            "length": values("a week | ten days | a fortnight | one weekend | a month"),
            "letter": values("postcard | letter | diary page | telegram | poem"),
            "weather": values("warm | mild | bright | cloudy"),
        },
        (("{hero} went away for {length} with {company}.", "For {length} {hero} stayed with {company}."),),
        branches("""
            beach: Their house stood on a beach of white sand. / They lived beside the sea.
                > {hero} swam in the waves and collected shells. / {hero} built a castle of sand, and the tide washed
                  it away.
            mountain: Their hut was on a steep mountain. / They lived among peaks and glaciers.
                > {hero} climbed to the summit with a rope. / From the top {hero} saw the eagles below.
            farm: They lived on a farm. / Their rooms were above the cowshed of a farm.
                > {hero} milked the cows and drove the tractor. / {hero} fed the pigs and gathered the hay.
            city: They lived in the middle of a great city. / Their hotel was in the busiest street of the capital.
                > {hero} rode on the tram and visited four museums. / {hero} looked in shop windows and went up a
                  skyscraper.
            jungle: They camped in the jungle. / Their tent stood among palms and vines.
                > {hero} saw monkeys and was bitten by mosquitoes. / At night {hero} heard a tiger in the palms.
            circus: They travelled with a circus. / Their caravan belonged to a circus.
                > {hero} learned to walk on the tightrope. / {hero} helped the clowns and washed the elephant.
            mine: They lived beside a gold mine. / Their cabin stood at the mouth of a gold mine.
                > {hero} dug underground and found a nugget. / With a lamp on {his} helmet {hero} went down the shaft.
        """),
        (
            (
                "It was {weather} every day.",
                "{he} had never been so far from home.",
                "On the {weather} days they were outside from morning on.",
            ),
            ("{he} sent {friend} a {letter} about it.", "In a {letter} to {friend} {he} told what {he} had done."),
        ),
    ),
    Plot(
        "mood",
        {
            "place": values("canteen | courtyard | playground | churchyard | park | library | tram | lobby | orchard"),
            "habit": values(
                "played cards | fed the pigeons | drank cocoa | did sums | talked about football | shared an apple"
            ),
            "years": values("three | six | eight | twenty | thirty"),
        },
        (
            (
                "For {years} years {hero} and {friend} had been friends.",
                "{hero} and {friend} had known each other for {years} years.",
            ),
            ("Every {day} they {habit} in the {place}.", "They always {habit} in the {place}."),
        ),
        branches("""
            quarrel: Then {friend} told a nasty lie about {hero}. / One day {friend} called {hero} a fool.
                > {hero} was furious and slammed the door. / {hero} shouted and would not speak to {friend} again.
            farewell: Then {friend} had to move to another country. / One day {friend} said that it was time to go
                abroad for ever.
                > {hero} wept and waved a handkerchief. / {hero} was sad and lonely without {friend}.
            joke: Then {friend} put on a false nose and sang. / One day {friend} told a very funny joke.
                > {hero} laughed until {his} belly hurt. / {hero} giggled and could not stop.
            rescue: Then {friend} pulled {hero} out of a burning house. / One day {friend} saved {hero} from drowning.
                > {hero} was grateful and never forgot who had saved {his} life. / "I owe you my life," said {hero}.
            prize: Then {friend} won a prize that {hero} had wanted. / One day {friend} became rich, while {hero}
                stayed poor.
                > {hero} turned green with envy. / {hero} was jealous and found it hard to clap.
            scare: Then {friend} hid and jumped out with a scream. / One day {friend} locked {hero} in a dark
                cupboard.
                > {hero} went pale and trembled with fear. / {hero} was so scared that {his} teeth chattered.
        """),
        (
            ("Nobody had expected it.", "It was in the middle of the day.", "People turned round to look."),
            ("", "It happened in a moment."),
        ),
    ),
)
