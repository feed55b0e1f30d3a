// `fairlead`: the command line. Parses, then runs one verb.
#include "cli/arguments.h"
#include "cli/commands.h"

int main(int argc, char** argv) {
  fairlead::cli::Arguments arguments;
  if (const auto exit_code = fairlead::cli::ParseArguments(argc, argv, &arguments)) {
    return *exit_code;
  }
  return fairlead::cli::Run(arguments);
}
