import type { IParameter, Values } from './documents';

/** How one parameter is asked for. */
export interface IField {
  readonly parameter: IParameter;
  readonly kind: 'checkbox' | 'choice' | 'number' | 'text';
  readonly initial: string | boolean;
  readonly placeholder: string;
}

/** What stands in the fields of a form, by parameter. */
export type Answers = Readonly<Record<string, string | boolean>>;

/** The field that a parameter is asked for with. */
export function fieldOf(parameter: IParameter): IField {
  const { type, choices, default: value, written } = parameter;
  if (choices) {
    return { parameter, kind: 'choice', initial: value === null ? '' : String(value), placeholder: written };
  }
  if (type === 'bool' && (typeof value === 'boolean' || parameter.required)) {
    return { parameter, kind: 'checkbox', initial: value === true, placeholder: '' };
  }
  if ((type === 'int' || type === 'float') && (typeof value === 'number' || parameter.required)) {
    return { parameter, kind: 'number', initial: typeof value === 'number' ? String(value) : '', placeholder: '' };
  }
  if (typeof value === 'string') {
    return { parameter, kind: 'text', initial: value, placeholder: '' };
  }
  // None, or an expression: the notebook itself knows it, so an empty field leaves it alone.
  const initial = value === null ? '' : written;
  return { parameter, kind: 'text', initial, placeholder: value === null ? written : '' };
}

/** The field as a schedule asks for it: texts may hold words that become dates, also where a number is due. */
export function withWords(field: IField): IField {
  return field.kind === 'number' ? { ...field, kind: 'text' } : field;
}

/** The answers of a form that nobody has touched. */
export function untouched(fields: readonly IField[]): Answers {
  return Object.fromEntries(fields.map(field => [field.parameter.name, field.initial]));
}

/** The values to run with: only what differs from the defaults, so that the notebook keeps its own. */
export function valuesOf(fields: readonly IField[], answers: Answers): Values {
  const given = fields.filter(field => isGiven(field, answers[field.parameter.name] ?? field.initial));
  return Object.fromEntries(
    given.map(({ parameter, initial }) => [parameter.name, answers[parameter.name] ?? initial])
  );
}

function isGiven({ parameter, initial }: IField, answer: string | boolean): boolean {
  if (parameter.required) {
    return answer !== '';
  }
  const emptied = answer === '' && typeof parameter.default !== 'string';
  return answer !== initial && !emptied;
}
