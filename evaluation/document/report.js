// Takes of a clip go on where another one was, and can be shuffled to be judged, and rated, without
// knowing which is which.
const form = document.querySelector(".form");
const words = form ? form.dataset.words.split(",") : [];
const stored = form ? `ratings ${form.dataset.page}` : "";
const letter = (place) => String.fromCharCode(65 + place);
const inputOf = (take) => take.querySelector(".rating input");

// What one listener did. Of each clip that was shuffled, by its id: the order, the takes played since
// then, and their ratings; takes by their numbers.
const begin = () => {
  const bytes = [...crypto.getRandomValues(new Uint8Array(8))];
  const session = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return {session, listener: "", clips: {}};
};
// A page that takes no ratings has no name, and shares none of this with others.
const load = () => {
  if (!stored) return begin();
  try {
    return JSON.parse(localStorage.getItem(stored)) || begin();
  } catch {
    return begin();
  }
};
let state = load();
let isKept = true;
let tell = () => {};
const keep = () => {
  if (!stored) return;
  try {
    localStorage.setItem(stored, JSON.stringify(state));
  } catch {  // Some browsers keep nothing for a file.
    isKept = false;
  }
  tell();
};

const inWords = (rating, isHeard) => {
  if (rating !== undefined) return `${rating}, ${words[Math.min(Math.floor(rating * words.length / 100), words.length - 1)]}`;
  return isHeard ? "not rated yet" : "play it first";
};

const makeClip = (clip) => {
  const judged = clip.querySelector(".judged"), button = clip.querySelector("button"), told = clip.querySelector(".told");
  const takes = [...judged.children], players = [...clip.querySelectorAll("audio")];
  const heading = clip.querySelector("h4"), title = heading.firstChild.textContent.trim();
  const done = () => state.clips[heading.id];
  let last = null;

  const showRating = (i) => {
    const input = inputOf(takes[i]), rating = done()?.ratings[i], isHeard = done()?.heard.includes(i);
    if (!input) return;
    const text = inWords(rating, isHeard);
    input.disabled = !isHeard;
    input.classList.toggle("unset", rating === undefined);
    input.value = rating ?? 50;
    input.setAttribute("aria-valuetext", text);
    takes[i].querySelector("output").textContent = text;
  };

  const name = (i, nameOf) => {
    judged.append(takes[i]);
    takes[i].querySelector(".name").textContent = nameOf;
    takes[i].querySelector("audio").setAttribute("aria-label", `${title}, ${nameOf}`);
    inputOf(takes[i])?.setAttribute("aria-label", `Rating of ${title}, ${nameOf}`);
    showRating(i);
  };

  const show = () => {
    clip.classList.toggle("blind", done()?.blind === true);
    if (!done()) {
      takes.forEach((take, i) => name(i, take.dataset.name));
      button.textContent = "Listen blind";
      told.textContent = "";
    } else if (done().blind) {
      done().order.forEach((i, place) => name(i, letter(place)));
      button.textContent = "Reveal";
      told.textContent = "Names and pictures are hidden, the order is drawn by lot.";
    } else {
      const {order, ratings} = done();
      order.forEach((i, place) => name(i, `${letter(place)} = ${takes[i].dataset.name}`));
      button.textContent = Object.keys(ratings).length ? "Listen blind and rate anew" : "Listen blind again";
      const was = (i, place) => `${letter(place)} was ${takes[i].dataset.name}` + (i in ratings ? ` (${ratings[i]})` : "");
      told.textContent = order.map(was).join(", ") + ".";
    }
  };

  for (const player of players) {
    player.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) if (other !== player) other.pause();
      if (last && last !== player && !last.ended) player.currentTime = last.currentTime;
      last = player;
      const i = takes.indexOf(player.closest(".take"));
      if (i < 0 || !done()?.blind || done().heard.includes(i)) return;
      done().heard.push(i);
      showRating(i);
      keep();
    });
  }

  takes.forEach((take, i) => inputOf(take)?.addEventListener("input", (event) => {
    done().ratings[i] = Number(event.target.value);
    showRating(i);
    keep();
  }));

  button.hidden = takes.length < 2;
  button.addEventListener("click", () => {
    if (done()?.blind) {
      done().blind = false;
    } else {
      for (const player of players) player.pause();
      const order = [...takes.keys()];
      for (let i = order.length - 1; i > 0; i--) {  // Fisher-Yates
        const j = Math.floor(Math.random() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
      state.clips[heading.id] = {order, blind: true, heard: [], ratings: {}};
    }
    show();
    keep();
  });

  const rows = () => Object.entries(done()?.ratings || {}).map(([i, rating]) => ({
    ...clip.dataset, sound: takes[i].dataset.sound, system: takes[i].dataset.name, rating,
    order_heard: done().heard.indexOf(Number(i)) + 1,
  }));
  return {show, rows, numRated: takes.filter(inputOf).length};
};

const clips = [...document.querySelectorAll(".clip")].map(makeClip);
const showAll = () => clips.forEach((clip) => clip.show());
try {
  showAll();
} catch {  // What was kept is damaged.
  state = begin();
  showAll();
}

if (form) {
  const field = form.querySelector("input"), told = form.querySelector(".told");
  const [save, startOver] = form.querySelectorAll("button");
  const rows = () => clips.flatMap((clip) => clip.rows());
  const quote = (value) => /[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value;
  tell = () => {
    const total = clips.reduce((sum, clip) => sum + clip.numRated, 0);
    told.textContent = `${rows().length} of ${total} sounds are rated.`;
    if (!isKept) told.textContent += " This browser does not keep them: save them before you close the page.";
    save.disabled = rows().length === 0;
  };
  const toTable = () => {
    const columns = form.dataset.columns.split(",");
    const shared = {page: form.dataset.page, listener: state.listener, session: state.session};
    const lines = rows().map((row) => columns.map((column) => quote({...row, ...shared}[column])).join(","));
    return [form.dataset.columns, ...lines, ""].join("\n");
  };
  field.addEventListener("input", () => {
    state.listener = field.value;
    keep();
  });
  save.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([toTable()], {type: "text/csv"}));
    link.download = `ratings-${form.dataset.page}-${state.session}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  startOver.addEventListener("click", () => {
    if (rows().length && !confirm("Forget the ratings on this page, for another listener?")) return;
    state = begin();
    field.value = "";
    showAll();
    keep();
  });
  field.value = state.listener;
  form.hidden = false;
  tell();
}
