#include "tests/foundry/answers.h"

#include <utility>

#include "tests/foundry/systems.h"

namespace foundry {
namespace {

Json range(const Range& range) {
  return Json::List{hexadecimal(range.start), hexadecimal(range.end)};
}

Json thread_answer(const ThreadText& thread) {
  Json::Object out{{"tid", thread.tid}, {"name", thread.name}, {"crashed", thread.crashed}};
  if (thread.cpu) out.emplace_back("cpu", *thread.cpu);
  Json::List frames;
  for (const std::uint64_t pc : thread.frames) frames.emplace_back(hexadecimal(pc));
  out.emplace_back("frames", std::move(frames));
  return out;
}

Json process_answer(const ProcessText& process) {
  Json::List threads;
  for (const ThreadText& thread : process.threads) threads.push_back(thread_answer(thread));
  return Json::Object{{"pid", process.pid},
                      {"name", process.name},
                      {"zombie", process.zombie},
                      {"threads", std::move(threads)}};
}

Json file_answer(const Description& description, const FileText& file) {
  Json::Object settings;
  for (const auto& [key, value] : file.settings) settings.emplace_back(key, value);
  Json::List names;
  for (const std::string& name : file_names(description, file)) names.emplace_back(name);
  return Json::Object{{"container", file.container},
                      {"settings", std::move(settings)},
                      {"files", std::move(names)}};
}

}  // namespace

Json answers(const Description& description) {
  const Image& image = description.image;
  Json::List files, ram, mappings, processes, log, excluded, kernels;
  for (const FileText& file : description.files) files.push_back(file_answer(description, file));
  for (const KernelFileText& kernel : kernel_files(description)) kernels.emplace_back(kernel.name);
  for (const Range& one : image.ram) ram.push_back(range(one));
  for (const std::uint64_t page : image.excluded) excluded.emplace_back(hexadecimal(page));
  for (const Mapping& one : image.mappings)
    mappings.push_back(Json::Object{{"virtual", hexadecimal(one.virtual_address)},
                                    {"physical", hexadecimal(one.physical)},
                                    {"size", one.size},
                                    {"page", one.page}});
  for (const ProcessText& process : description.processes)
    processes.push_back(process_answer(process));
  for (const LogText& line : description.log) {
    Json::Object out{{"text", line.text}};
    if (line.level) out.emplace_back("level", std::int64_t{*line.level});
    log.emplace_back(std::move(out));
  }
  return Json::Object{{"description", description.name},    {"system", description.system},
                      {"architecture", image.architecture}, {"page_size", image.page},
                      {"panic", description.panic},         {"dumps", std::move(files)},
                      {"kernels", std::move(kernels)},      {"ram", std::move(ram)},
                      {"excluded", std::move(excluded)},    {"mappings", std::move(mappings)},
                      {"processes", std::move(processes)},  {"log", std::move(log)}};
}

}  // namespace foundry
