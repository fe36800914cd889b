// The playhead follows the sound. A click or a key on a drawing moves it, and below it stands what is under it.
for (const drawing of document.querySelectorAll(".utterance-drawing")) {
  const audio = drawing.querySelector("audio");
  const pane = drawing.querySelector(".pane");
  const head = drawing.querySelector(".playhead");
  const readout = drawing.querySelector(".readout");
  const scale = Number(pane.dataset.scale);
  const seconds = Number(drawing.dataset.seconds);
  const tokens = [...(drawing.closest("article") ?? drawing).querySelectorAll("[data-start]")];
  const bands = [...pane.querySelectorAll("[data-band]")].map((band) => ({
    name: band.dataset.band,
    shapes: [...band.querySelectorAll("title")].map((title) => {
      const shape = title.parentNode.localName === "rect" ? title.parentNode : title.parentNode.querySelector("rect");
      const start = Number(shape.getAttribute("x"));
      const end = start + Number(shape.getAttribute("width")) + 1; // the gap after it is its own
      return { start, end, says: title.textContent, word: title.parentNode.classList.contains("word") };
    }),
  }));
  const words = bands.find((band) => band.name === "words")?.shapes.filter((shape) => shape.word) ?? [];
  let place = 0; // seconds
  let until = null; // where one word ends that is played alone

  const under = (x) =>
    bands.flatMap(({ name, shapes }) => {
      const shape = shapes.findLast(({ start, end }) => start <= x + 0.05 && x < end); // times and edges are rounded
      return shape ? [`${name === "units" || name === "words" ? "" : name + " "}${shape.says}`] : [];
    });

  const show = (follow) => {
    const x = place * scale;
    head.setAttribute("transform", `translate(${x} 0)`);
    head.setAttribute("visibility", "visible");
    readout.textContent = [`${place.toFixed(2)} s`, ...under(x)].join(" · ");
    pane.setAttribute("aria-valuenow", place.toFixed(2));
    pane.setAttribute("aria-valuetext", readout.textContent);
    for (const token of tokens) {
      token.classList.toggle("now", token.dataset.start <= place && place < token.dataset.end);
    }
    if (follow && (x < pane.scrollLeft || x > pane.scrollLeft + 0.85 * pane.clientWidth)) {
      pane.scrollLeft = x - 0.15 * pane.clientWidth;
    }
  };

  const move = (to, end = null) => {
    place = Math.min(Math.max(to, 0), seconds);
    until = end;
    if (audio) audio.currentTime = place;
    show(true);
  };

  const play = () => audio?.play().catch(() => {}); // a pause that comes first is no error

  const run = () => {
    if (audio.paused) return;
    place = audio.currentTime;
    if (until !== null && place >= until) {
      audio.pause();
      place = until;
      until = null;
    }
    show(true);
    requestAnimationFrame(run);
  };

  audio?.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    run();
  });
  audio?.addEventListener("seeked", () => {
    if (Math.abs(audio.currentTime - place) > 0.1) until = null; // by the player's own controls
    place = audio.currentTime;
    show(false);
  });
  audio?.addEventListener("ended", () => show(false));

  pane.addEventListener("click", (event) => {
    const x = event.clientX - pane.getBoundingClientRect().left + pane.scrollLeft;
    const word = event.target.closest("[data-band=words] .word") && words.findLast((w) => w.start <= x && x < w.end);
    move((word ? word.start : x) / scale, word ? (word.end - 1) / scale : null);
    play();
  });

  const step = (event) => {
    const x = place * scale;
    const later = words.find((word) => word.start > x + 0.5);
    const earlier = words.findLast((word) => word.start < x - 0.5);
    const byWord = event.shiftKey || event.key.startsWith("Page");
    switch (event.key) {
      case " ":
        until = null;
        return audio && (audio.paused ? play() : audio.pause()), true;
      case "ArrowRight":
      case "ArrowUp":
      case "PageUp":
        return move(byWord ? (later ? later.start / scale : seconds) : place + 0.2), true;
      case "ArrowLeft":
      case "ArrowDown":
      case "PageDown":
        return move(byWord ? (earlier ? earlier.start / scale : 0) : place - 0.2), true;
      case "Home":
        return move(0), true;
      case "End":
        return move(seconds), true;
    }
    return false;
  };
  pane.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (step(event)) event.preventDefault();
  });

  for (const token of tokens) {
    token.addEventListener("click", () => {
      move(Number(token.dataset.start), Number(token.dataset.end));
      play();
    });
  }
}

// Of the positions of a document one is a stop of the tab key, arrows go on from there; below stands what it is.
for (const group of document.querySelectorAll(".positions")) {
  const all = [...group.children];
  const readout = group.nextElementSibling;
  const tell = (position) => {
    if (!position) return;
    readout.textContent = position.title;
  };
  all.forEach((position, number) => (position.tabIndex = number ? -1 : 0));
  group.addEventListener("focusin", (event) => {
    for (const position of all) position.tabIndex = position === event.target ? 0 : -1;
    tell(event.target);
  });
  group.addEventListener("pointerover", (event) => tell(event.target.closest(".position")));
  group.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || !all[to]) return;
    event.preventDefault();
    all[to].focus();
  });
}
