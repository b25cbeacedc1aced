// Point 4: a client that guesses keys does not shut out those that have one.
const WRONG_KEYS = 60;

export const attacks = [
  {
    id: '4',
    sent: `${WRONG_KEYS} wrong keys from one address, then a right one`,
    quick: true,
    async run(service) {
      const guess = (nth) => service.api('GET', '/api/v1/jobs', { key: `wrong-key-of-the-usual-length-${nth}` });
      const guessed = await Promise.all(Array.from({ length: WRONG_KEYS }, (_, nth) => guess(nth)));
      const faults = [];
      if (!guessed.some(({ status }) => status === 429)) faults.push('guessing was never refused');
      for (const path of ['/api/v1/jobs', '/metrics']) {
        const { status } = await service.api('GET', path, { key: service.keys.viewer });
        if (status !== 200) faults.push(`a right key got ${status} from ${path}`);
      }
      const refused = guessed.filter(({ status }) => status === 429).length;
      return { answers: `${WRONG_KEYS - refused} × 401, ${refused} × 429`, faults };
    },
  },
];
