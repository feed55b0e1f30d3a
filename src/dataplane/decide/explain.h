// `fairlead explain`: the packet path's own decision, taken down step by step into a fixed buffer,
// with no effect.
//
//   command.question = {.protocol = 6, .client = …, .destination = …};
//   RunExplain(shard, &command);
//   if (!command.answer.continue_at.is_none()) {
//     command.question = Continued(command.question, command.answer);
//     …ask that worker…
//   }
//
// The decision is admission.h's, with effect Preview and trace ExplainTrace, so what is explained
// is what would be done. Who answers: the connection's owner first; for a persistent service it may
// name the template's owner, and that the owner of the client's previous key, just where a packet
// would go. Threads: the worker that owns the shard.
#pragma once

#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

// This worker's part of the answer, if `snapshot` were in force, with the current connections,
// templates and loads.
void Explain(Shard& shard, const Snapshot& snapshot, const ExplainQuestion& question,
             ExplainAnswer* answer) noexcept;

// The mailbox command, with the snapshot that is in force.
void RunExplain(Shard& shard, ExplainCommand* command) noexcept;

}  // namespace fairlead::dataplane
