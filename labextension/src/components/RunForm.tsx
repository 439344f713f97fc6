import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IParameter, IRunOrder } from '../documents';
import { type Answers, type IField, fieldOf, untouched, valuesOf } from '../form';
import { Form } from './Form';
import { Row } from './parts';

/** A form made from the parameters of a notebook. */
export function RunForm(props: {
  notebook: string;
  parameters: readonly IParameter[];
  submit: (order: IRunOrder) => Promise<void>;
  cancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { trans } = props;
  const fields = React.useMemo(() => props.parameters.map(fieldOf), [props.parameters]);
  const [answers, setAnswers] = React.useState<Answers>(() => untouched(fields));
  const [output, setOutput] = React.useState('');
  return (
    <Form
      label={trans.__('Run %1', props.notebook)}
      action={trans.__('Run')}
      busy={trans.__('Starting…')}
      submit={() => props.submit({ parameters: valuesOf(fields, answers), output: output.trim() })}
      cancel={props.cancel}
      trans={trans}
    >
      {fields.length === 0 ? (
        <p className="nbd-Empty">
          {trans.__('No parameters: tag a cell “parameters” to set its values here.')}
        </p>
      ) : null}
      {fields.map(field => (
        <Row key={field.parameter.name} label={field.parameter.name} hint={field.parameter.help}>
          {id => (
            <Field
              id={id}
              field={field}
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

function Field(props: {
  id: string;
  field: IField;
  answer: string | boolean;
  onChange: (answer: string | boolean) => void;
}): JSX.Element {
  const { parameter, kind, placeholder } = props.field;
  if (kind === 'checkbox') {
    return (
      <input
        id={props.id}
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
