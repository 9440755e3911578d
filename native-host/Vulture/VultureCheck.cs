using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Vulture;

/// <summary>Asks for one trace in three ways, and counts what is wrong with the answers.</summary>
internal sealed class VultureCheck(VultureClient client, MetricRegistry metrics, Log log)
{
    private readonly CounterFamily _checks = metrics.Counter("tempo_vulture_trace_total", "Traces that were asked for, in all ways.");
    private readonly CounterFamily _errors = metrics.Counter("tempo_vulture_error_total", "What was wrong.", "error");

    /// <summary>How often anything was wrong, and how often nobody answered; the latter is no lost span.</summary>
    public long Wrong { get; private set; }

    public long Unanswered { get; private set; }

    /// <summary>Checks a trace that was acknowledged (it must be there) or refused (it must not).</summary>
    public async Task CheckAsync(VultureTrace trace, VultureOutcome outcome, CancellationToken cancellation)
    {
        _checks.With().Add(1);
        var (start, end) = (trace.StartUnixMs / 1000 - 60, trace.StartUnixMs / 1000 + 60);
        var expected = outcome == VultureOutcome.Acknowledged ? trace.SpanCount : 0;
        var filter = Uri.EscapeDataString($"{{ name = \"{trace.SpanName}\" }}");

        await AskAsync(trace, $"/api/traces/{trace.Id}",
            answer => ByIdProblem(VultureAnswer.Spans(answer), outcome == VultureOutcome.Acknowledged ? trace.Describe() : []),
            cancellation).ConfigureAwait(false);
        await AskAsync(trace, $"/api/search?q={filter}&limit=20&spss=100&start={start}&end={end}",
            answer => VultureAnswer.Matched(answer, trace.Id) switch
            {
                0 when expected > 0 => "notfound_search",
                var matched when matched != expected => "incorrect_search",
                _ => "",
            }, cancellation).ConfigureAwait(false);
        await AskAsync(trace, $"/api/metrics/query_range?q={filter}%20%7C%20count_over_time()&start={start}&end={end}&step=60s",
            answer => VultureAnswer.Sum(answer) switch
            {
                0 when expected > 0 => "notfound_metrics",
                var counted when counted != expected => "incorrect_metrics",
                _ => "",
            }, cancellation).ConfigureAwait(false);
    }

    private static string ByIdProblem(string[] found, string[] sent) =>
        found.SequenceEqual(sent) ? ""
        : found.Length == 0 ? "notfound_byid"
        : found.Length < sent.Length ? "missing_spans"
        : found.Distinct().Count() < found.Length ? "doubled_spans"
        : "incorrect_byid";

    private async Task AskAsync(VultureTrace trace, string path, Func<JsonElement, string> judge, CancellationToken cancellation)
    {
        var (answer, problem) = await client.AskAsync(path, cancellation).ConfigureAwait(false);
        if (cancellation.IsCancellationRequested) return;
        var error = answer is null ? "request_failed" : judge(answer.RootElement);
        answer?.Dispose();
        if (error.Length == 0) return;
        if (error == "request_failed") Unanswered++;
        else Wrong++;
        _errors.With(error).Add(1);
        log.Error("wrong answer", ("error", error), ("trace", trace.Id), ("sent_ms", trace.StartUnixMs), ("spans", trace.SpanCount),
            ("path", path), ("problem", problem));
    }
}
