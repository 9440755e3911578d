namespace Tempo.Query.Tests.Oracle;

/// <summary>Random metrics queries over the fields and values that <see cref="RandomSpans"/> uses. Some do not validate.</summary>
public sealed class RandomMetrics(Random random)
{
    private static readonly string[] Measured = ["duration", "duration", ".a", ".b", "span.count", "resource.a", "traceDuration",
        "span:childCount", "event.a", "event:timeSinceStart", "name", ".nope"];

    private static readonly string[] Labels =
    [
        "name", "kind", "status", "statusMessage", "resource.service.name", ".service.name", ".a", "span.b", "resource.zone", ".list",
        ".nope", "duration", "trace:id",
        "rootName", "rootServiceName", "span:childCount", "event.a", "event:name", "link.a", "parent:name", "parent.a as mother",
        "resource.zone as \"the zone\"", "instrumentation:name", "instrumentation.a", "span:id", ".dedicated",
    ];

    private readonly RandomQueries _sources = new(random);

    public string Next() => random.Next(8) switch
    {
        0 => $"({Pipeline()}) {Pick("+", "-", "*", "/")} ({Pipeline()}){SecondStages()}",
        1 => $"{Pick("2", "-1.5", "100")} {Pick("+", "-", "*", "/")} ({Pipeline()}){SecondStages()}",
        2 => $"({Pipeline()}) {Pick("+", "-", "*", "/")} {Pick("2", "3", "0")}{SecondStages()}",
        3 => $"{Source()} | compare({{ {Pick("status = error", ".a = 1", "kind = server || .b = \"x\"", "rootName = \"x\"", "duration > 2ns")} }}, {random.Next(1, 12)})",
        _ => Pipeline() + SecondStages(),
    };

    // Roots often: their facts come from columns where a trace lies in one block, and from whole traces elsewhere.
    private string Source() => random.Next(7) switch
    {
        0 or 1 => "{ }",
        3 => $"{{ traceDuration {Pick("<", "<=", "=", "!=", ">", ">=")} {Pick("0", "4ns", "5ns", "10ms", "2.5", "-1")}{Pick("", " && nestedSetParent < 0", " || status = error")} }}",
        2 => $"{{ nestedSetParent {Pick("<", "<=", "=", "!=", ">", ">=")} {Pick("0", "0", "-1", "-1", "-2")}{Pick("", " && status = error", " || .a = 1", " && !(nestedSetParent = -1)")} }}",
        _ => _sources.Next(),
    };

    private string Pipeline() =>
        $"{Source()} | {Function()}{(random.Next(3) == 0 ? "" : $" by({string.Join(", ", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Pick(Labels)).Distinct())})")}";

    private string Function() => random.Next(10) switch
    {
        8 => Pick("count_traces()", "rate_traces()"),
        9 => $"count_distinct({Pick(Measured.Concat(Labels).ToArray())})",
        0 => "rate()",
        1 or 2 => "count_over_time()",
        3 => $"quantile_over_time({Pick(Measured)}, {Pick("0.5", "0.9, 0.1", "0, 1, 0.33")})",
        4 => $"histogram_over_time({Pick(Measured)})",
        _ => $"{Pick("min", "max", "avg", "sum")}_over_time({Pick(Measured)})",
    };

    private string SecondStages() => string.Concat(Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(2) == 0
        ? $" | {Pick("topk", "bottomk")}({random.Next(1, 4)})"
        : $" {Pick("=", "!=", "<", "<=", ">", ">=")} {Pick("0", "1", "2", "1.5", "2ns", "-1")}"));

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];
}
