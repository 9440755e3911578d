namespace Tempo.Engine.TraceQL.Ast;

/// <summary>What the engine knows of every span, without an attribute. Types and meanings: see <see cref="Intrinsics"/>.</summary>
public enum Intrinsic
{
    /// <summary>Not an intrinsic: an attribute.</summary>
    None,
    Duration,
    Name,
    Status,
    StatusMessage,
    Kind,
    SpanId,
    SpanParentId,
    SpanChildCount,
    /// <summary>Name of the trace's root span.</summary>
    RootName,
    /// <summary>Service of the trace's root span.</summary>
    RootServiceName,
    TraceDuration,
    TraceId,
    EventName,
    /// <summary>Event time minus span start.</summary>
    EventTimeSinceStart,
    LinkTraceId,
    LinkSpanId,
    InstrumentationName,
    InstrumentationVersion,
    NestedSetLeft,
    NestedSetRight,
    NestedSetParent,
    /// <summary>The word <c>parent</c> alone; parsed, not supported.</summary>
    Parent,
    /// <summary>Start of the span in unix nanoseconds. Not in Tempo.</summary>
    SpanStart,
    /// <summary>End of the span in unix nanoseconds. Not in Tempo.</summary>
    SpanEnd,
    /// <summary>Of the parent span, where it is in the trace. Not in Tempo, as the others that follow.</summary>
    ParentDuration,
    ParentName,
    ParentStatus,
    ParentStatusMessage,
    ParentKind,
    ParentChildCount,
    ParentStart,
    ParentEnd,
}

/// <summary>Names and types of the intrinsics.</summary>
public static class Intrinsics
{
    /// <summary>The name under which an intrinsic is printed and labelled, for example <c>duration</c> or <c>span:childCount</c>.</summary>
    public static string Name(this Intrinsic intrinsic) => intrinsic switch
    {
        Intrinsic.Duration => "duration",
        Intrinsic.Name => "name",
        Intrinsic.Status => "status",
        Intrinsic.StatusMessage => "statusMessage",
        Intrinsic.Kind => "kind",
        Intrinsic.SpanId => "span:id",
        Intrinsic.SpanParentId => "span:parentID",
        Intrinsic.SpanChildCount => "span:childCount",
        Intrinsic.RootName => "rootName",
        Intrinsic.RootServiceName => "rootServiceName",
        Intrinsic.TraceDuration => "traceDuration",
        Intrinsic.TraceId => "trace:id",
        Intrinsic.EventName => "event:name",
        Intrinsic.EventTimeSinceStart => "event:timeSinceStart",
        Intrinsic.LinkTraceId => "link:traceID",
        Intrinsic.LinkSpanId => "link:spanID",
        Intrinsic.InstrumentationName => "instrumentation:name",
        Intrinsic.InstrumentationVersion => "instrumentation:version",
        Intrinsic.NestedSetLeft => "nestedSetLeft",
        Intrinsic.NestedSetRight => "nestedSetRight",
        Intrinsic.NestedSetParent => "nestedSetParent",
        Intrinsic.Parent => "parent",
        Intrinsic.SpanStart => "span:start",
        Intrinsic.SpanEnd => "span:end",
        Intrinsic.ParentDuration => "parent:duration",
        Intrinsic.ParentName => "parent:name",
        Intrinsic.ParentStatus => "parent:status",
        Intrinsic.ParentStatusMessage => "parent:statusMessage",
        Intrinsic.ParentKind => "parent:kind",
        Intrinsic.ParentChildCount => "parent:childCount",
        Intrinsic.ParentStart => "parent:start",
        Intrinsic.ParentEnd => "parent:end",
        _ => "",
    };

    /// <summary>The intrinsic of the parent span that this one stands for; None if it is one of the span itself.</summary>
    public static Intrinsic OfParent(this Intrinsic intrinsic) => intrinsic switch
    {
        Intrinsic.ParentDuration => Intrinsic.Duration,
        Intrinsic.ParentName => Intrinsic.Name,
        Intrinsic.ParentStatus => Intrinsic.Status,
        Intrinsic.ParentStatusMessage => Intrinsic.StatusMessage,
        Intrinsic.ParentKind => Intrinsic.Kind,
        Intrinsic.ParentChildCount => Intrinsic.SpanChildCount,
        Intrinsic.ParentStart => Intrinsic.SpanStart,
        Intrinsic.ParentEnd => Intrinsic.SpanEnd,
        _ => Intrinsic.None,
    };

    /// <summary>The fixed type of an intrinsic. Ids are strings of lower-case hex digits.</summary>
    public static TraceQlType Type(this Intrinsic intrinsic) => intrinsic switch
    {
        Intrinsic.Duration or Intrinsic.TraceDuration or Intrinsic.EventTimeSinceStart or Intrinsic.ParentDuration => TraceQlType.Duration,
        Intrinsic.Status or Intrinsic.ParentStatus => TraceQlType.Status,
        Intrinsic.Kind or Intrinsic.ParentKind => TraceQlType.Kind,
        Intrinsic.SpanChildCount or Intrinsic.NestedSetLeft or Intrinsic.NestedSetRight or Intrinsic.NestedSetParent
            or Intrinsic.SpanStart or Intrinsic.SpanEnd or Intrinsic.ParentChildCount or Intrinsic.ParentStart or Intrinsic.ParentEnd =>
                TraceQlType.Int,
        Intrinsic.None or Intrinsic.Parent => TraceQlType.Attribute,
        _ => TraceQlType.String,
    };
}
