using System.Collections.Frozen;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>The words of the language. All of them are case-sensitive, and none can be a hint's name.</summary>
internal static class Keywords
{
    internal const string By = "by";
    internal const string Coalesce = "coalesce";
    internal const string Select = "select";
    internal const string Compare = "compare";
    internal const string TopK = "topk";
    internal const string BottomK = "bottomk";
    internal const string With = "with";
    internal const string Nil = "nil";

    /// <summary>Renames a label; a word only within the by( ) of a metrics function.</summary>
    internal const string As = "as";

    /// <summary>Opens a condition on one event, <c>event{ … }</c>; a word only before a brace.</summary>
    internal const string Event = "event";

    /// <summary>The same of one link.</summary>
    internal const string Link = "link";

    /// <summary>The hint whose value may be a bare word.</summary>
    internal const string OrderBy = "order_by";
    internal const string MinInt = "minInt";
    internal const string MaxInt = "maxInt";

    /// <summary>Words that are literals.</summary>
    internal static readonly FrozenDictionary<string, TraceQlValue> Values = new Dictionary<string, TraceQlValue>
    {
        ["true"] = TraceQlValue.Bool(true),
        ["false"] = TraceQlValue.Bool(false),
        ["unset"] = TraceQlValue.Status(TraceQlStatus.Unset),
        ["ok"] = TraceQlValue.Status(TraceQlStatus.Ok),
        ["error"] = TraceQlValue.Status(TraceQlStatus.Error),
        ["unspecified"] = TraceQlValue.Kind(TraceQlKind.Unspecified),
        ["internal"] = TraceQlValue.Kind(TraceQlKind.Internal),
        ["server"] = TraceQlValue.Kind(TraceQlKind.Server),
        ["client"] = TraceQlValue.Kind(TraceQlKind.Client),
        ["producer"] = TraceQlValue.Kind(TraceQlKind.Producer),
        ["consumer"] = TraceQlValue.Kind(TraceQlKind.Consumer),
    }.ToFrozenDictionary();

    /// <summary>Intrinsics that are written without a scope.</summary>
    internal static readonly FrozenDictionary<string, Intrinsic> BareIntrinsics = new Dictionary<string, Intrinsic>
    {
        ["duration"] = Intrinsic.Duration,
        ["name"] = Intrinsic.Name,
        ["status"] = Intrinsic.Status,
        ["statusMessage"] = Intrinsic.StatusMessage,
        ["kind"] = Intrinsic.Kind,
        ["rootName"] = Intrinsic.RootName,
        ["rootServiceName"] = Intrinsic.RootServiceName,
        ["traceDuration"] = Intrinsic.TraceDuration,
        ["nestedSetLeft"] = Intrinsic.NestedSetLeft,
        ["nestedSetRight"] = Intrinsic.NestedSetRight,
        ["nestedSetParent"] = Intrinsic.NestedSetParent,
        ["parent"] = Intrinsic.Parent,
    }.ToFrozenDictionary();

    /// <summary>The intrinsics after each <c>scope:</c>, in the order an error message lists them.</summary>
    internal static readonly FrozenDictionary<string, (string Word, Intrinsic Intrinsic)[]> ScopedIntrinsics =
        new Dictionary<string, (string, Intrinsic)[]>
        {
            ["span:"] =
            [
                ("duration", Intrinsic.Duration), ("name", Intrinsic.Name), ("status", Intrinsic.Status),
                ("statusMessage", Intrinsic.StatusMessage),
                ("kind", Intrinsic.Kind), ("id", Intrinsic.SpanId), ("parentID", Intrinsic.SpanParentId),
                ("childCount", Intrinsic.SpanChildCount),
                ("start", Intrinsic.SpanStart), ("end", Intrinsic.SpanEnd),
            ],
            ["parent:"] =
            [
                ("duration", Intrinsic.ParentDuration), ("name", Intrinsic.ParentName), ("status", Intrinsic.ParentStatus),
                ("statusMessage", Intrinsic.ParentStatusMessage), ("kind", Intrinsic.ParentKind),
                ("childCount", Intrinsic.ParentChildCount),
                ("start", Intrinsic.ParentStart), ("end", Intrinsic.ParentEnd),
            ],
            ["trace:"] =
            [
                ("duration", Intrinsic.TraceDuration), ("rootName", Intrinsic.RootName), ("rootService", Intrinsic.RootServiceName),
                ("id", Intrinsic.TraceId),
            ],
            ["event:"] = [("name", Intrinsic.EventName), ("timeSinceStart", Intrinsic.EventTimeSinceStart)],
            ["link:"] = [("traceID", Intrinsic.LinkTraceId), ("spanID", Intrinsic.LinkSpanId)],
            ["instrumentation:"] = [("name", Intrinsic.InstrumentationName), ("version", Intrinsic.InstrumentationVersion)],
        }.ToFrozenDictionary();

    /// <summary>What an attribute starts with.</summary>
    internal static readonly FrozenDictionary<string, AttributeScope> Scopes = new Dictionary<string, AttributeScope>
    {
        ["."] = AttributeScope.Unscoped,
        ["span."] = AttributeScope.Span,
        ["resource."] = AttributeScope.Resource,
        ["event."] = AttributeScope.Event,
        ["link."] = AttributeScope.Link,
        ["instrumentation."] = AttributeScope.Instrumentation,
        ["parent."] = AttributeScope.Parent,
        ["parent.span."] = AttributeScope.ParentSpan,
        ["parent.resource."] = AttributeScope.ParentResource,
    }.ToFrozenDictionary();

    internal static readonly FrozenDictionary<string, AggregateFunction> Aggregates = new Dictionary<string, AggregateFunction>
    {
        ["count"] = AggregateFunction.Count,
        ["max"] = AggregateFunction.Max,
        ["min"] = AggregateFunction.Min,
        ["avg"] = AggregateFunction.Avg,
        ["sum"] = AggregateFunction.Sum,
    }.ToFrozenDictionary();

    internal static readonly FrozenDictionary<string, MetricsFunctionKind> MetricsFunctions = new Dictionary<string, MetricsFunctionKind>
    {
        ["rate"] = MetricsFunctionKind.Rate,
        ["count_over_time"] = MetricsFunctionKind.CountOverTime,
        ["min_over_time"] = MetricsFunctionKind.MinOverTime,
        ["max_over_time"] = MetricsFunctionKind.MaxOverTime,
        ["avg_over_time"] = MetricsFunctionKind.AvgOverTime,
        ["sum_over_time"] = MetricsFunctionKind.SumOverTime,
        ["quantile_over_time"] = MetricsFunctionKind.QuantileOverTime,
        ["histogram_over_time"] = MetricsFunctionKind.HistogramOverTime,
    }.ToFrozenDictionary();

    /// <summary>
    /// Functions that Tempo does not have. Their words mean something only behind a bar, and are identifiers elsewhere, so that
    /// nothing that Tempo accepts reads differently.
    /// </summary>
    internal static readonly FrozenDictionary<string, MetricsFunctionKind> OwnMetricsFunctions = new Dictionary<string, MetricsFunctionKind>
    {
        ["count_traces"] = MetricsFunctionKind.CountTraces,
        ["rate_traces"] = MetricsFunctionKind.RateTraces,
        ["count_distinct"] = MetricsFunctionKind.CountDistinct,
    }.ToFrozenDictionary();

    private static readonly FrozenSet<string> OtherWords = new[]
    {
        By, Coalesce, Select, Compare, TopK, BottomK, With, Nil,
        "childCount", "id", "traceID", "spanID", "parentID", "rootService", "version", "timeSinceStart",
    }.ToFrozenSet();

    private static readonly FrozenDictionary<AttributeScope, string> ScopeWords = Inverse(Scopes);
    private static readonly FrozenDictionary<AggregateFunction, string> AggregateWords = Inverse(Aggregates);
    private static readonly FrozenDictionary<MetricsFunctionKind, string> MetricsWords =
        Inverse(MetricsFunctions.Concat(OwnMetricsFunctions).ToFrozenDictionary());
    private static readonly FrozenDictionary<TraceQlValue, string> ValueWords = Inverse(Values);

    /// <summary>True for every word with a meaning of its own; other bare words are identifiers.</summary>
    internal static bool IsKeyword(string word) =>
        Values.ContainsKey(word) || BareIntrinsics.ContainsKey(word) || Aggregates.ContainsKey(word)
        || MetricsFunctions.ContainsKey(word) || OtherWords.Contains(word);

    internal static string Of(AttributeScope scope) => ScopeWords[scope];

    internal static string Of(AggregateFunction function) => AggregateWords[function];

    internal static string Of(MetricsFunctionKind kind) => MetricsWords[kind];

    internal static string Of(TraceQlStatus status) => ValueWords[TraceQlValue.Status(status)];

    internal static string Of(TraceQlKind kind) => ValueWords[TraceQlValue.Kind(kind)];

    private static FrozenDictionary<TValue, string> Inverse<TValue>(FrozenDictionary<string, TValue> words)
        where TValue : notnull => words.ToFrozenDictionary(pair => pair.Value, pair => pair.Key);
}
