import { type LabIcon, caretDownIcon } from '@jupyterlab/ui-components';
import React from 'react';

/** A part of the panel that folds away. */
export function Section(props: {
  title: string;
  count?: number;
  children: React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState(true);
  const id = React.useId();
  return (
    <section className="nbd-Section" aria-labelledby={id}>
      <h2 className="nbd-Section-title">
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          <caretDownIcon.react tag="span" className="nbd-Section-caret" width="16px" />
          <span id={id}>{props.title}</span>
          {props.count ? <span className="nbd-Section-count">{props.count}</span> : null}
        </button>
      </h2>
      {open ? <div className="nbd-Section-body">{props.children}</div> : null}
    </section>
  );
}

/** What a section says when it has nothing to show: why, and the next step. */
export function Empty(props: { children: React.ReactNode }): JSX.Element {
  return <p className="nbd-Empty">{props.children}</p>;
}

/** A failure in our own words, read out at once. */
export function Failure(props: { message: string }): JSX.Element | null {
  return props.message ? (
    <p role="alert" className="nbd-Message nbd-mod-error">
      {props.message}
    </p>
  ) : null;
}

/** What was done. */
export function Done(props: { message: string }): JSX.Element | null {
  return props.message ? (
    <p role="status" className="nbd-Message nbd-mod-done">
      {props.message}
    </p>
  ) : null;
}

/** What ties a field to what is said below it. */
export interface IDescribed {
  readonly 'aria-describedby'?: string;
  readonly 'aria-invalid'?: boolean;
}

/** A label before a field. The field takes the id that it is given, and what describes it. */
export function Row(props: {
  label: string;
  hint?: string;
  error?: string;
  children: (id: string, described: IDescribed) => JSX.Element;
}): JSX.Element {
  const id = React.useId();
  const said = props.error || props.hint;
  const described = said ? { 'aria-describedby': `${id}-said`, 'aria-invalid': Boolean(props.error) } : {};
  return (
    <div className="nbd-Row">
      <label htmlFor={id} title={props.label}>
        {props.label}
      </label>
      {props.children(id, described)}
      {said ? (
        <span id={`${id}-said`} className={`nbd-Row-hint ${props.error ? 'nbd-mod-error' : ''}`}>
          {said}
        </span>
      ) : null}
    </div>
  );
}

/** One choice among texts. */
export function Choice(props: {
  id: string;
  value: string;
  options: readonly { value: string; label: string }[];
  required?: boolean;
  described?: IDescribed;
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <select
      id={props.id}
      {...props.described}
      className="jp-mod-styled"
      value={props.value}
      required={props.required}
      onChange={event => props.onChange(event.target.value)}
    >
      {props.options.map(({ value, label }) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

/** A button that is only an icon. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  disabled?: boolean;
  /** Whether what it opens below is open, if it opens something there. */
  expanded?: boolean;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="nbd-IconButton"
      title={props.label}
      aria-label={props.label}
      aria-expanded={props.expanded}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" width="16px" />
    </button>
  );
}
