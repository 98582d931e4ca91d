#pragma once

#include <map>
#include <memory>
#include <optional>

#include "core/sql/sql_database.h"

namespace panicroom {

/// What SQLite's callbacks share with the database that they belong to.
struct SqlRun {
  Session* session = nullptr;
  SqlBounds bounds;
  std::map<const Table*, std::shared_ptr<struct TableWalks>> walks;  ///< of the statement that runs
  Notes* notes = nullptr;                                            ///< of the statement that runs
  const SqlReceiver* receiver = nullptr;
  std::optional<Error> error;  ///< why a callback refused, in more words than SQLite has

  bool go_on() const { return !receiver || !receiver->go_on || receiver->go_on(); }
};

}  // namespace panicroom
