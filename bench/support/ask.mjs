// Questions to a child process, and its answers.
let last = 0;

/** Asks a child by name; rejects with what it threw, or when it ends. */
export function ask(child, name, ...args) {
  const id = ++last;
  return new Promise((resolve, reject) => {
    const listen = (message) => {
      if (message.id !== id) return;
      forget();
      if ('error' in message) reject(new Error(message.error));
      else resolve(message.value);
    };
    const ended = (code, signal) => {
      forget();
      reject(new Error(`the process ended with ${code ?? signal} instead of answering "${name}"`));
    };
    const forget = () => child.off('message', listen).off('exit', ended);
    child.on('message', listen).on('exit', ended);
    child.send({ id, name, args });
  });
}

/** Answers, in a child, each question with the function of its name. */
export function answer(functions) {
  process.on('message', ({ id, name, args }) => {
    Promise.resolve()
      .then(() => functions[name](...args))
      .then(
        (value) => process.send({ id, value }),
        (error) => process.send({ id, error: error.stack }),
      );
  });
}
