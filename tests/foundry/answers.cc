#include "tests/foundry/answers.h"

#include <utility>

#include "tests/foundry/systems.h"

namespace foundry {
namespace {

Json range(const Range& range) {
  return Json::List{hexadecimal(range.start), hexadecimal(range.end)};
}

/// Kernels in whose structures threads have no names of their own.
bool threads_have_names(const Description& description) {
  return description.layout != "openbsd-6.5-amd64" && description.layout != "illumos-2020-i386";
}

/// Threads of the kernel's own have no ids (DragonFly).
Json thread_answer(const Description& description, const ThreadText& thread, bool with_id = true) {
  // An illumos kernel without a panic was dumped while it ran.
  const bool alive = description.system == "illumos" && description.panic.empty();
  Json::Object out;
  if (with_id) out.emplace_back("tid", thread.tid);
  if (threads_have_names(description)) out.emplace_back("name", thread.name);
  out.emplace_back("crashed", thread.crashed && !alive);
  if (thread.cpu) out.emplace_back("cpu", *thread.cpu);
  Json::List frames;
  for (const std::uint64_t pc : thread.frames) frames.emplace_back(hexadecimal(pc));
  out.emplace_back("frames", std::move(frames));
  return out;
}

Json process_answer(const ProcessText& process, const std::string& name, Json::List threads) {
  return Json::Object{{"pid", process.pid},
                      {"name", name},
                      {"zombie", process.zombie},
                      {"threads", std::move(threads)}};
}

Json::List process_answers(const Description& description) {
  Json::List processes;
  for (const ProcessText& process : description.processes) {
    // Linux has an idle task for each processor: processes of their own with one number. Those
    // after the first are found through a variable that a kernel which names code alone does not
    // name.
    const bool idle = description.system == "linux" && process.pid == 0;
    Json::List threads;
    for (const ThreadText& thread : process.threads) {
      if (idle && description.functions_only && !processes.empty()) continue;
      if (idle)
        processes.push_back(
            process_answer(process, thread.name, {thread_answer(description, thread)}));
      else
        threads.push_back(thread_answer(description, thread));
    }
    if (!idle) processes.push_back(process_answer(process, process.name, std::move(threads)));
  }
  return processes;
}

/// Of which threads that ran a dump has the registers: "all", "crashed" or "none".
const char* registers_in(const Description& description, const FileText& file) {
  // They are in ELF notes, which kdump has from version 4 on.
  if (file.container == "kdump") return file.number("version", 6) >= 4 ? "all" : "none";
  // OpenBSD's kernel saves those of the processor that dies alone, and on arm64 of none.
  const bool by_kernel = file.container == "kcore" || file.get("registers") == "untold" ||
                         file.get("style") == "freebsd";
  if (description.system != "openbsd" || !by_kernel) return "all";
  return description.image.architecture == "aarch64" ? "none" : "crashed";
}

Json file_answer(const Description& description, const FileText& file) {
  Json::Object settings;
  for (const auto& [key, value] : file.settings) settings.emplace_back(key, value);
  Json::List names;
  for (const std::string& name : file_names(description, file)) names.emplace_back(name);
  const char* const registers = registers_in(description, file);
  return Json::Object{{"registers", registers},
                      {"container", file.container},
                      {"settings", std::move(settings)},
                      {"files", std::move(names)}};
}

}  // namespace

Json answers(const Description& description) {
  const Image& image = description.image;
  Json::List files, ram, mappings, log, excluded, kernels;
  for (const FileText& file : description.files) files.push_back(file_answer(description, file));
  for (const KernelFileText& kernel : kernel_files(description)) kernels.emplace_back(kernel.name);
  for (const Range& one : image.ram) ram.push_back(range(one));
  for (const std::uint64_t page : image.excluded) excluded.emplace_back(hexadecimal(page));
  for (const Mapping& one : image.mappings)
    mappings.push_back(Json::Object{{"virtual", hexadecimal(one.virtual_address)},
                                    {"physical", hexadecimal(one.physical)},
                                    {"size", one.size},
                                    {"page", one.page}});
  for (const LogText& line : description.log) {
    Json::Object out{{"text", line.text}};
    if (line.level) out.emplace_back("level", std::int64_t{*line.level});
    log.emplace_back(std::move(out));
  }
  Json::Object out{{"description", description.name},
                   {"system", description.system},
                   {"architecture", image.architecture},
                   {"page_size", image.page},
                   {"panic", description.panic},
                   {"dumps", std::move(files)},
                   {"kernels", std::move(kernels)},
                   {"ram", std::move(ram)},
                   {"excluded", std::move(excluded)},
                   {"mappings", std::move(mappings)},
                   {"processes", process_answers(description)},
                   {"log", std::move(log)}};
  if (!description.kernel_threads.empty()) {
    Json::List threads;
    for (const ThreadText& thread : description.kernel_threads)
      threads.push_back(thread_answer(description, thread, false));
    out.emplace_back("kernel_threads", std::move(threads));
  }
  return out;
}

}  // namespace foundry
