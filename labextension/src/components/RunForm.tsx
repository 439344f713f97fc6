import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { nameOf } from '../catalogue';
import type { IParameter, IPreview, IRunOrder, IScheduleOrder } from '../documents';
import { type Answers, type IField, fieldOf, untouched, valuesOf, withWords } from '../form';
import { Form } from './Form';
import { type IDescribed, Row } from './parts';
import { type IWhen, When } from './When';

/** A form made from the parameters of a notebook, for a run at once or for a schedule. */
export function RunForm(props: {
  notebook: string;
  parameters: readonly IParameter[];
  run: (order: IRunOrder) => Promise<void>;
  schedule: (order: IScheduleOrder) => Promise<void>;
  preview: (cron: string, timezone: string) => Promise<IPreview>;
  cancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const fields = React.useMemo(() => props.parameters.map(fieldOf), [props.parameters]);
  const [answers, setAnswers] = React.useState<Answers>(() => untouched(fields));
  const [output, setOutput] = React.useState('');
  const [again, setAgain] = React.useState(false);
  const [when, setWhen] = React.useState<IWhen>(() => ({
    name: nameOf(props.notebook),
    cron: '0 6 * * *',
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    missed: 'last'
  }));
  const submit = (): Promise<void> => {
    const order = { parameters: valuesOf(fields, answers), output: output.trim() };
    const { name, cron, timezone, missed } = when;
    return again
      ? props.schedule({ ...order, missed, name: name.trim(), cron: cron.trim(), timezone: timezone.trim() })
      : props.run(order);
  };
  return (
    <Form
      label={trans.__('Run %1', props.notebook)}
      action={again ? trans.__('Schedule') : trans.__('Run')}
      busy={again ? trans.__('Checking…') : trans.__('Starting…')}
      submit={submit}
      cancel={props.cancel}
      trans={trans}
    >
      <Switch again={again} onChange={setAgain} trans={trans} />
      {again ? <When value={when} onChange={setWhen} preview={props.preview} trans={trans} /> : null}
      {fields.length === 0 ? (
        <p className="nbd-Empty">
          {trans.__('No parameters: tag a cell “parameters” to set its values here.')}
        </p>
      ) : null}
      {fields.map(field => (
        <Row key={field.parameter.name} label={field.parameter.name} hint={field.parameter.help}>
          {(id, described) => (
            <Field
              id={id}
              described={described}
              field={again ? withWords(field) : field}
              answer={answers[field.parameter.name] ?? field.initial}
              onChange={answer => setAnswers({ ...answers, [field.parameter.name]: answer })}
            />
          )}
        </Row>
      ))}
      <Row label={trans.__('Save as')}>
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            value={output}
            placeholder={trans.__('kept with the run')}
            spellCheck={false}
            autoComplete="off"
            onChange={event => setOutput(event.target.value)}
          />
        )}
      </Row>
    </Form>
  );
}

/** At once, or again and again. */
function Switch(props: {
  again: boolean;
  onChange: (again: boolean) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { again, onChange, trans } = props;
  const name = React.useId();
  return (
    <div className="nbd-Switch" role="radiogroup" aria-label={trans.__('When')}>
      <label>
        <input type="radio" name={name} checked={!again} onChange={() => onChange(false)} />
        <span>{trans.__('Now')}</span>
      </label>
      <label>
        <input type="radio" name={name} checked={again} onChange={() => onChange(true)} />
        <span>{trans.__('On a schedule')}</span>
      </label>
    </div>
  );
}

function Field(props: {
  id: string;
  described: IDescribed;
  field: IField;
  answer: string | boolean;
  onChange: (answer: string | boolean) => void;
}): JSX.Element {
  const { parameter, kind, placeholder } = props.field;
  if (kind === 'checkbox') {
    return (
      <input
        id={props.id}
        {...props.described}
        type="checkbox"
        className="jp-mod-styled"
        checked={props.answer === true}
        onChange={event => props.onChange(event.target.checked)}
      />
    );
  }
  if (kind === 'choice') {
    return (
      <select
        id={props.id}
        {...props.described}
        className="jp-mod-styled"
        title={parameter.type}
        value={String(props.answer)}
        required={parameter.required}
        onChange={event => props.onChange(event.target.value)}
      >
        {props.field.initial === '' ? <option value="">{placeholder}</option> : null}
        {(parameter.choices ?? []).map(choice => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      id={props.id}
      {...props.described}
      type={kind}
      step="any"
      className="jp-mod-styled"
      title={parameter.type}
      value={String(props.answer)}
      placeholder={placeholder || (parameter.required ? parameter.type : '')}
      required={parameter.required}
      spellCheck={false}
      autoComplete="off"
      onChange={event => props.onChange(event.target.value)}
    />
  );
}
