import { cleanup } from '@testing-library/react';
import { afterEach, beforeEach } from 'vitest';

// jsdom has no layout; a virtual list needs a height to show rows in.
Object.defineProperties(HTMLElement.prototype, {
  offsetHeight: { get: () => 480 },
  offsetWidth: { get: () => 900 },
  clientHeight: { get: () => 480 },
});
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
  this.open = true;
};
HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
  this.open = false;
};
Element.prototype.scrollTo ??= () => {};
Element.prototype.scrollIntoView ??= () => {};

beforeEach(() => {
  window.location.hash = '';
});
afterEach(cleanup);
