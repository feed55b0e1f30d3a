// PUT /v1/config: all that can be changed by hand, at once; and GET and PUT /v1/log.
#include <boost/json/array.hpp>

#include "base/log_level.h"
#include "control/api/body_reader.h"
#include "control/api/change.h"
#include "control/api/context.h"
#include "control/api/problem.h"
#include "control/api/router.h"
#include "control/apply_edit.h"
#include "control/config/names.h"
#include "control/config/yaml_loader.h"
#include "control/model_diff.h"
#include "control/view.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using control::EditOutcome;
using control::LoadResult;

// Where the first set of prefixes stands that is to come from a file: nobody may have the director
// read files by what he sends.
std::optional<Error> FileOfPrefixes(const std::string& text) {
  control::Problems problems("body");
  const auto tree = control::ParseYaml(text, problems);
  if (!tree || !tree->is_map()) return std::nullopt;  // the loader says what is wrong with it
  for (size_t i = 0; i < tree->keys.size(); ++i) {
    if (tree->keys[i].text != "prefix_sets") continue;
    for (const control::YamlNode& set : tree->items[i].items) {
      for (const control::YamlKey& key : set.keys) {
        if (key.text != "file") continue;
        return Error{ErrorCode::kInvalid,
                     "names a file; write the prefixes out, as GET /v1/config does", "prefix_sets"};
      }
    }
  }
  return std::nullopt;
}

std::shared_ptr<const LoadResult> LoadBody(const std::string& text) {
  if (auto error = FileOfPrefixes(text)) {
    return std::make_shared<const LoadResult>(LoadResult{{}, {*std::move(error)}, {}});
  }
  return std::make_shared<const LoadResult>(control::LoadConfigText(text, "body"));
}

json::array WarningsOf(const LoadResult& loaded) {
  json::array warnings;
  for (const Error& warning : loaded.warnings) {
    warnings.push_back({{"place", warning.place}, {"detail", warning.message}});
  }
  return warnings;
}

HttpResponse ShowPut(const LoadResult& loaded, uint64_t generation,
                     const std::vector<std::string>& changes, bool is_dry_run) {
  return WithGeneration(JsonResponse(200, {{"generation", generation},
                                           {"dry_run", is_dry_run},
                                           {"changes", json::array(changes.begin(), changes.end())},
                                           {"warnings", WarningsOf(loaded)}}),
                        generation);
}

// What the change would do to what is in force now. Pure, so it needs no turn of the control core.
HttpResponse PreviewPut(const control::ControlView& view,
                        const std::shared_ptr<const LoadResult>& loaded) {
  const auto result =
      control::ApplyEdit(control::ReplaceConfig{loaded},
                         {.model = view.model, .overlay = {}, .file = view.file_model});
  if (const auto* refusal = std::get_if<control::EditRefusal>(&result)) return ToProblem(*refusal);
  const auto& edited = std::get<control::Edited>(result);
  return ShowPut(*loaded, view.generation,
                 control::DescribeChanges(*view.model, *edited.intent.model), true);
}

void PutConfig(const Context& context, const Call& call, const Responder& respond) {
  const auto loaded = LoadBody(call.request.body);
  if (call.request.is_dry_run) return respond(PreviewPut(*context.control.view(), loaded));
  Change(context, call, respond, control::ReplaceConfig{loaded},
         UnlessRefused([loaded](const EditOutcome& outcome) {
           return ShowPut(*loaded, outcome.generation, outcome.changes, false);
         }));
}

HttpResponse ShowLog(const Context& context) {
  const auto level = [](LogLevel l) { return std::string(control::ToWord(l)); };
  return JsonResponse(200, {{"level", level(CurrentLogLevel())},
                            {"configured", level(context.control.view()->model->log.level)}});
}

// Until the next reload, which sets what the file says.
HttpResponse PutLog(const Context& context, const HttpRequest& request) {
  BodyReader body(request.body,
                  {"level", "configured"});  // the second: what GET shows may be sent back
  const auto word = body.String("level");
  (void)body.String("configured");
  const auto level = word ? control::FromWord<LogLevel>(*word) : std::nullopt;
  if (body.ok() && !level) {
    body.Fault("level",
               "Must be " + control::WordList<LogLevel>() + ", as in {\"level\": \"debug\"}");
  }
  if (!body.ok()) return body.problem();
  const LogLevel before = CurrentLogLevel(), after = level.value_or(before);
  if (request.is_dry_run) {
    std::vector<std::string> changes;
    if (after != before) {
      changes.push_back("log level " + std::string(control::ToWord(before)) + " → " +
                        std::string(control::ToWord(after)));
    }
    return WouldChange(context.control.view()->generation, changes);
  }
  SetLogLevel(after);
  return ShowLog(context);
}

}  // namespace

void AddConfigRoutes(Router* router, const Context& context) {
  router->AddChange(Method::kPut, "/v1/config",
                    [&context](const Call& call, const Responder& respond) {
                      PutConfig(context, call, respond);
                    });
  router->Add(Method::kGet, "/v1/log",
              [&context](const Call&, const Responder& respond) { respond(ShowLog(context)); });
  router->AddChange(Method::kPut, "/v1/log",
                    [&context](const Call& call, const Responder& respond) {
                      respond(PutLog(context, call.request));
                    });
}

}  // namespace fairlead::api
