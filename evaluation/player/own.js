// Hears sounds that are dropped or chosen: the original beside what the network makes of it, and its numbers.

class OwnSounds {
  // arrive: called with the numbers of a sound, the sound as it was prepared, and its name; returns in words
  // where it lies
  constructor(described, engine, speaker, arrive) {
    Object.assign(this, {described, engine, speaker, arrive});
    this.numHeard = 0;
    this.told = document.querySelector("#told");
    this.original = this.#picture("#original");
    this.returned = this.#picture("#returned");
    document.querySelector("#file").addEventListener("change", ({target}) => {
      if (target.files.length) this.hear(target.files[0]);
      // The same file may be chosen again.
      target.value = "";
    });
    this.#takeDrops();
  }

  // Shows what a file becomes, or says in a sentence why it becomes nothing.
  async hear(file) {
    const number = ++this.numHeard;
    this.#tell(`${file.name} is being heard.`, false);
    try {
      const {described} = this;
      const decoded = await decodeFile(file, described.sample_rate);
      const original = prepare(decoded, {...described, num_frames: described.model.num_frames}, file.name);
      const found = await this.engine.hear(original);
      const returned = await this.engine.make(found);
      // Another one was dropped meanwhile.
      if (number !== this.numHeard) return;
      document.querySelector("#heard-own").hidden = false;
      this.original.show(original);
      this.returned.show(returned);
      this.#list(found);
      this.#tell(this.arrive(found, original, file.name), false);
    } catch (error) {
      if (number === this.numHeard) this.#tell(error.message, true);
    }
  }

  #tell(sentence, isFailed) {
    this.told.textContent = sentence;
    this.told.classList.toggle("failed", isFailed);
  }

  #list(found) {
    const items = [...found].map((value) => {
      const item = document.createElement("li");
      item.textContent = shown(value, 3);
      return item;
    });
    document.querySelector("#numbers-found").replaceChildren(...items);
  }

  #picture(selector) {
    const picture = new Picture(document.querySelector(selector));
    const {sample_rate: sampleRate, name} = this.described;
    picture.element.querySelector(".play").addEventListener("click", () => this.speaker.play(picture.sound));
    picture.element.querySelector(".take").addEventListener("click", () => {
      download(picture.sound, sampleRate, `${picture.element.dataset.name} ${name}`);
    });
    return picture;
  }

  // Anywhere on the page: a file that misses would replace the page.
  #takeDrops() {
    const zone = document.querySelector(".drop");
    addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
    addEventListener("dragleave", () => zone.classList.remove("over"));
    addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer.files.length) this.hear(event.dataTransfer.files[0]);
    });
  }
}
