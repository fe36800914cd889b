// The playhead follows the sound; a click on a drawing plays from there.
for (const figure of document.querySelectorAll(".utterance")) {
  const audio = figure.querySelector("audio");
  const pane = figure.querySelector(".pane");
  const head = figure.querySelector(".playhead");
  if (!audio) continue;
  const scale = Number(pane.dataset.scale);
  const show = () => {
    const x = audio.currentTime * scale;
    head.style.transform = `translateX(${x}px)`;
    head.hidden = false;
    if (audio.paused) return;
    if (x < pane.scrollLeft || x > pane.scrollLeft + 0.85 * pane.clientWidth) pane.scrollLeft = x - 0.15 * pane.clientWidth;
    requestAnimationFrame(show);
  };
  audio.addEventListener("seeked", show);
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    show();
  });
  pane.addEventListener("click", (event) => {
    audio.currentTime = (event.clientX - pane.getBoundingClientRect().left + pane.scrollLeft) / scale;
    audio.play();
  });
}
