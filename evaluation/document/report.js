// Takes of a clip go on where another one was, and can be shuffled to be judged without knowing which is which.
for (const clip of document.querySelectorAll(".clip")) {
  const judged = clip.querySelector(".judged"), button = clip.querySelector("button"), told = clip.querySelector(".told");
  const takes = [...judged.children], players = [...clip.querySelectorAll("audio")];
  const title = clip.querySelector("h4").firstChild.textContent.trim();
  let last = null;

  for (const player of players) {
    player.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) if (other !== player) other.pause();
      if (last && last !== player && !last.ended) player.currentTime = last.currentTime;
      last = player;
    });
  }

  const show = (order, nameOf) => order.forEach((take, i) => {
    const name = nameOf(take, i);
    judged.append(take);
    take.querySelector(".name").textContent = name;
    take.querySelector("audio").setAttribute("aria-label", `${title}, ${name}`);
  });

  let blind = false, order = takes;
  button.hidden = takes.length < 2;
  button.addEventListener("click", () => {
    blind = !blind;
    if (blind) {
      for (const player of players) player.pause();
      order = [...takes];
      for (let i = order.length - 1; i > 0; i--) {  // Fisher-Yates
        const j = Math.floor(Math.random() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
    }
    const letter = (i) => String.fromCharCode(65 + i);
    show(order, (take, i) => blind ? letter(i) : `${letter(i)} = ${take.dataset.name}`);
    clip.classList.toggle("blind", blind);
    button.textContent = blind ? "Reveal" : "Listen blind again";
    told.textContent = blind
      ? "Names and pictures are hidden, the order is drawn by lot."
      : order.map((take, i) => `${letter(i)} was ${take.dataset.name}`).join(", ") + ".";
  });
}
