// A small program with a screen of its own: shows its size and the keys that it gets; `q` leaves it with code 5.
let keys = "";
const draw = () => {
  const { columns, rows } = process.stdout;
  process.stdout.write(`\u001b[2J\u001b[1;1H\u001b[1;32mTUI ${columns}x${rows}\u001b[0m\u001b[3;1Hkeys: ${keys}`);
  process.stdout.write(`\u001b[${rows};1Hbottom line ✓`);
};
process.stdout.write("\u001b[?1049h\u001b[?25l\u001b[?2004h");
process.stdin.setRawMode(true);
process.stdin.setEncoding("utf8");
process.stdout.on("resize", draw);
process.stdin.on("data", (text) => {
  for (const key of text) {
    if (key === "q") {
      process.stdout.write("\u001b[?2004l\u001b[?25h\u001b[?1049l");
      process.exit(5);
    }
    if (key === "!") process.exit(6);
    keys += key < " " ? `^${String.fromCharCode(key.charCodeAt(0) + 64)}` : key;
  }
  draw();
});
draw();
