using System.Globalization;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Query.Tests.Testing;

namespace Tempo.Query.Tests.Oracle;

/// <summary>A trace as a list of plain objects, and what TraceQL knows of it, computed the slow and obvious way.</summary>
public sealed class NaiveTrace(IReadOnlyList<TestSpan> spans)
{
    public IReadOnlyList<TestSpan> Spans { get; } = spans;

    public ulong Start { get; } = spans.Min(static s => s.StartUnixNano);

    public ulong End { get; } = spans.Max(static s => s.EndUnixNano);

    // Ties of start times are broken by the span id, as the engine's order of spans does.
    public TestSpan? Root { get; } =
        spans.Where(static s => s.ParentId == 0).OrderBy(static s => s.StartUnixNano).ThenBy(static s => s.Id).LastOrDefault();

    /// <summary>The service of the root, empty without one.</summary>
    public string RootService => Root is null ? "" : ServiceOf(Root);

    public static string ServiceOf(TestSpan span) => Find(span.Resource.Attributes, "service.name") as string ?? "";

    public TestSpan? ParentOf(TestSpan span) => Spans.FirstOrDefault(s => s.Id == span.ParentId);

    /// <summary>Do its ancestors lead to a root?</summary>
    public bool IsPlaced(TestSpan span) => span.ParentId == 0 || ParentOf(span) is { } parent && IsPlaced(parent);

    public bool IsBelow(TestSpan span, TestSpan ancestor) =>
        ParentOf(span) is { } parent && (parent == ancestor || IsBelow(parent, ancestor));

    /// <summary>The field on the span, with the event and link that are looked at.</summary>
    public object? Read(AttributeRef field, TestSpan span, TestEvent? e, TestLink? link) => field.IsOfParent
        ? ParentOf(span) is { } parent ? Read(field.OnParent(), parent, null, null) : null
        : ReadOwn(field, span, e, link);

    private object? ReadOwn(AttributeRef field, TestSpan span, TestEvent? e, TestLink? link) => field.Scope switch
    {
        AttributeScope.Span => Find(span.Attributes, field.Name),
        // The name of the service has a column of its own, in which it is empty where it is absent.
        AttributeScope.Resource => Find(span.Resource.Attributes, field.Name) ?? (field.Name == "service.name" ? "" : null),
        AttributeScope.Unscoped => Find(span.Attributes, field.Name) ?? Find(span.Resource.Attributes, field.Name),
        AttributeScope.Instrumentation => Find(span.Scope.Attributes, field.Name),
        AttributeScope.Event => e is null ? null : Find(e.Attributes, field.Name),
        AttributeScope.Link => link is null ? null : Find(link.Attributes, field.Name),
        _ => ReadIntrinsic(field.Intrinsic, span, e, link),
    };

    private object? ReadIntrinsic(Intrinsic intrinsic, TestSpan span, TestEvent? e, TestLink? link) => intrinsic switch
    {
        Intrinsic.Duration => new Nanos((long)span.DurationNano),
        Intrinsic.Name => span.Name,
        Intrinsic.Status => new StatusCode(span.Status),
        Intrinsic.StatusMessage => span.StatusMessage,
        Intrinsic.Kind => new KindCode(span.Kind),
        Intrinsic.SpanId => span.Id.ToString("x16", CultureInfo.InvariantCulture),
        Intrinsic.SpanParentId => span.ParentId.ToString("x16", CultureInfo.InvariantCulture),
        Intrinsic.SpanStart => (long)span.StartUnixNano,
        Intrinsic.SpanEnd => (long)span.EndUnixNano,
        Intrinsic.TraceId => span.TraceId.ToShortString(),
        Intrinsic.SpanChildCount => (long)Spans.Count(s => s.ParentId == span.Id),
        Intrinsic.TraceDuration => new Nanos((long)(End - Start)),
        Intrinsic.RootName => Root?.Name ?? "",
        Intrinsic.RootServiceName => RootService,
        Intrinsic.NestedSetParent => IsPlaced(span) ? span.ParentId == 0 ? -1L : 1L : 0L,
        Intrinsic.InstrumentationName => span.Scope.Name,
        Intrinsic.InstrumentationVersion => span.Scope.Version,
        Intrinsic.EventName => e?.Name,
        Intrinsic.EventTimeSinceStart => e is null ? null : new Nanos((long)e.SinceStartNano),
        Intrinsic.LinkSpanId => link?.SpanId.ToString("x16", CultureInfo.InvariantCulture),
        Intrinsic.LinkTraceId => link?.TraceId.ToString(),
        _ => throw new ArgumentOutOfRangeException(nameof(intrinsic), intrinsic, "not known to the oracle"),
    };

    private static object? Find(Attributes attributes, string key) => attributes.Where(pair => pair.Key == key)
        .Select(static pair => pair.Value is object[] items ? items.Length switch { 0 => null, 1 => items[0], _ => items } : pair.Value)
        .FirstOrDefault(static value => value is not null);
}
