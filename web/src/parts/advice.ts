import type { Failure } from '../engine/protocol';

/** How a failure of the engine itself begins. */
export const engineStopped = 'the engine stopped';

/** Where an error is shown, as far as that changes what to do about it. */
export interface Place {
  open: boolean;
  system: string | null;
  /** The open dump lacks memory that it should hold. */
  incomplete: boolean;
}
export const openDump: Place = { open: true, system: null, incomplete: false };
export const startPage: Place = { open: false, system: null, incomplete: false };

const saysItself = /\bfirst\b|\binstead\b|savecore/;

function aboutFile({ text }: Failure, place: Place): string | null {
  if (/\bis empty$/.test(text)) return 'Nothing was written or copied into it: look for the original and copy it again.';
  if (place.open && /kernel file/.test(text)) return 'If it is a BSD’s, drop its kernel file on this page, or add it above.';
  if (place.open || saysItself.test(text)) return null;
  return 'What can be read is listed below.';
}

function aboutSymbol({ text }: Failure, place: Place): string | null {
  if (/no symbol "/.test(text)) return 'Check its spelling, upper and lower case too; the view Symbols lists all names.';
  if (!/kernel file/.test(text)) return null;
  return place.open
    ? 'Drop the kernel file on this page, or add it above: the dump is then opened with it.'
    : 'Choose the dump and its kernel file together, in any order.';
}

function aboutAbsence({ absence }: Failure, place: Place): string | null {
  switch (absence) {
    case 'excluded':
      return place.system === 'FreeBSD' || place.system === 'DragonFly'
        ? 'A full dump would have it (sysctl debug.minidump=0).'
        : 'A dump that is made with a lower level (makedumpfile -d) would have it.';
    case 'truncated':
      return place.open
        ? 'If the original is longer, copy the dump again.'
        : 'It was cut off: compare its size with the original’s and copy it again.';
    case 'other_part':
      return place.open ? 'Add the other files of the split set: drop them on this page.' : 'Open all files of the split set together.';
    case 'hole':
      return 'There was no memory at this address.';
    default:
      return place.incomplete ? 'The dump is incomplete: the Summary says what to do.' : null;
  }
}

function aboutRequest({ text }: Failure, place: Place): string | null {
  if (/is a folder/.test(text))
    return 'Drop the dump file that is in it: for Linux often “dump” or “vmcore”, for a BSD “vmcore.0”, “netbsd.0.core” or “bsd.0.core” with the kernel file.';
  if (/kernel file, not a dump/.test(text) && !place.open) return 'Choose its dump and this kernel file together, in any order.';
  return null;
}

/** What the user can do about an error. */
export function advice(failure: Failure, place: Place = startPage): string | null {
  if (failure.text.startsWith(engineStopped))
    return 'This is a fault of Panicroom, not of your file. Open the file again; if it happens again, please report this text.';
  switch (failure.code) {
    case 'corrupt':
      return 'The bytes contradict the format. Compare the size and checksum with the original: a copy may have been cut or changed on the way.';
    case 'unsupported':
      return aboutFile(failure, place);
    case 'io':
      return 'Choose the file again.';
    case 'no_symbol':
      return aboutSymbol(failure, place);
    case 'no_type':
      return place.system === 'FreeBSD' || place.system === 'DragonFly' ? null : 'The dump carries no type information for this; a kernel built with BTF does.';
    case 'not_in_dump':
      return aboutAbsence(failure, place);
    case 'unmapped':
      return 'Check the address and whose address space it belongs to.';
    case 'invalid':
      return aboutRequest(failure, place);
  }
}
