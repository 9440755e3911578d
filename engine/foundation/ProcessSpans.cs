using System.Diagnostics;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Spans of the process's own work, for who wants to know where the time of a query went. Without a listener to <see cref="SourceName"/>
/// there is none: each of these is null then, and costs a look at a field. Thread safe.
/// </summary>
public static class ProcessSpans
{
    /// <summary>What a listener asks for, and the scope's name of what is sent.</summary>
    public const string SourceName = "Tempo";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>
    /// A span that lasts until it is disposed, below the one that is open here. Begun in an async method, so that it is open there only.
    /// </summary>
    public static Activity? Start(string name, ActivityKind kind = ActivityKind.Internal) => Source.StartActivity(name, kind);

    /// <summary>The same below one of another process; if that is the default, below the one that is open here.</summary>
    public static Activity? Start(string name, ActivityKind kind, ActivityContext parent) => Source.StartActivity(name, kind, parent);

    /// <summary>What the span is of ended with an exception.</summary>
    public static void Fail(this Activity? span, Exception e) => span?.SetStatus(ActivityStatusCode.Error, e.Message);
}
