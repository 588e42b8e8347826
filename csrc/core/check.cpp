#include "core/check.h"

#include <sstream>

namespace flambeau {

std::string message(std::initializer_list<MessagePart> parts) {
  std::ostringstream out;
  for (const MessagePart& part : parts) part.print(out);
  return out.str();
}

void fail_with(ErrorKind kind, std::initializer_list<MessagePart> parts) {
  throw Error(kind, message(parts));
}

}  // namespace flambeau
