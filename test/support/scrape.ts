export interface Series {
  type: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/** The series of /metrics by name. Throws when the response violates the text format of Prometheus. */
export async function scrape(url: string, headers: Record<string, string> = {}): Promise<Map<string, Series>> {
  const response = await fetch(`${url}/metrics`, { headers });
  if (response.status !== 200) throw new Error(`the status is ${response.status}: ${await response.text()}`);
  const type = response.headers.get('content-type');
  if (type !== 'text/plain; version=0.0.4; charset=utf-8') throw new Error(`the type is ${type}`);
  return read(await response.text());
}

function read(text: string): Map<string, Series> {
  const found = new Map<string, Series>();
  if (!text.endsWith('\n')) throw new Error('the last line has no line break');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, declared, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (declared !== undefined) {
      if (found.has(declared)) throw new Error(`${declared} is declared twice`);
      found.set(declared, { type: type!, samples: [] });
    } else if (!line.startsWith('# HELP ')) addSample(found, line);
  }
  return found;
}

function addSample(found: Map<string, Series>, line: string): void {
  const { name, labels = '', value } = SAMPLE.exec(line)?.groups ?? {};
  if (name === undefined || !/^([+-]?Inf|NaN|-?[\d.]+(e[+-]?\d+)?)$/i.test(value!))
    throw new Error(`not a sample: ${line}`);
  const series = found.get(name) ?? found.get(name.replace(/_(bucket|sum|count)$/, ''));
  if (!series) throw new Error(`without a type: ${line}`);
  const sample = { name, labels: labelsOf(labels, line), value: Number(value!.replace('Inf', 'Infinity')) };
  const isSame = (other: (typeof series.samples)[number]) =>
    other.name === name && JSON.stringify(other.labels) === JSON.stringify(sample.labels);
  if (series.samples.some(isSame)) throw new Error(`duplicate sample: ${line}`);
  series.samples.push(sample);
}

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined) throw new Error(`invalid labels: ${line}`);
    labels[name] = value!;
  }
  return labels;
}
