#include "tests/foundry/ctf_writer.h"
#include "tests/foundry/description.h"
#include "tests/foundry/freebsd_layout.h"

namespace foundry {

using namespace freebsd_layout;

/// The types of what freebsd_world.cc builds, as C would declare them:
///   struct proc { LIST_ENTRY(proc) p_list; pid_t p_pid; char p_comm[20]; TAILQ_HEAD p_threads; };
///   struct thread { TAILQ_ENTRY(thread) td_plist; lwpid_t td_tid; char td_name[20]; int td_oncpu;
///                   struct pcb *td_pcb; };
Blob freebsd_types(const Image& image, const CtfStyle& style) {
  const unsigned word = image.pointer();
  CtfWriter ctf(style);
  const unsigned whole = ctf.integer("int", 4, CtfWriter::is_signed, 32);
  const unsigned letter = ctf.integer("char", 1, CtfWriter::is_signed | CtfWriter::is_char, 8);
  const unsigned index = ctf.integer("unsigned long", word, 0, word * 8);
  const unsigned three = ctf.integer("int", 4, CtfWriter::is_signed, 3, false);
  const unsigned pid = ctf.reference(10, "pid_t", whole);
  const unsigned lwpid = ctf.reference(10, "lwpid_t", whole);
  const unsigned name = ctf.array(letter, index, 20);
  const unsigned frame = ctf.structure(
      "pcb", pcb_size,
      {{"pcb_words", ctf.array(index, index, static_cast<unsigned>(pcb_size / word)), 0}});
  // Structures refer to each other: forward references by the numbers that they will get.
  const unsigned next = frame + 1;
  const unsigned proc = next + 8, thread = next + 9;
  const unsigned to_proc = ctf.reference(3, "", proc);
  const unsigned to_to_proc = ctf.reference(3, "", to_proc);
  const unsigned to_thread = ctf.reference(3, "", thread);
  const unsigned to_to_thread = ctf.reference(3, "", to_thread);
  const unsigned to_pcb = ctf.reference(3, "", frame);
  const std::uint64_t bits = std::uint64_t{word} * 8;
  const unsigned list = ctf.structure(
      "", 2 * word, {{"le_next", to_proc, 0}, {"le_prev", to_to_proc, bits}}, false, false);
  const unsigned queue = ctf.structure(
      "", 2 * word, {{"tqe_next", to_thread, 0}, {"tqe_prev", to_to_thread, bits}}, false, false);
  const unsigned head = ctf.structure(
      "", 2 * word, {{"tqh_first", to_thread, 0}, {"tqh_last", to_to_thread, bits}}, false, false);
  ctf.structure("proc", proc_size,
                {{"p_list", list, p_list * 8},
                 {"p_pid", pid, p_pid * 8},
                 {"p_low", three, p_pid * 8 + 32},
                 {"p_high", three, p_pid * 8 + 35},
                 {"p_comm", name, p_comm * 8},
                 {"p_threads", head, p_threads * 8}});
  ctf.structure("thread", thread_size,
                {{"td_plist", queue, td_plist * 8},
                 {"td_tid", lwpid, td_tid * 8},
                 {"td_name", name, td_name * 8},
                 {"td_oncpu", whole, td_oncpu * 8},
                 {"td_pcb", to_pcb, td_pcb * 8}});
  // LIST_HEAD(proclist, proc)
  const unsigned processes = ctf.structure("proclist", word, {{"lh_first", to_proc, 0}});
  const unsigned text = ctf.array(letter, index, 0);
  std::vector<unsigned> objects;
  for (const Symbol& symbol : image.symbols) {
    if (symbol.type == 'T' || symbol.type == 't' || symbol.type == 'A') continue;
    const bool is_list = symbol.name == "allproc" || symbol.name == "zombproc";
    const bool is_text = symbol.name == "version" || symbol.name == "osrelease";
    objects.push_back(is_list ? processes : is_text ? text : symbol.size == 4 ? whole : 0);
  }
  return ctf.finish(objects);
}

}  // namespace foundry
