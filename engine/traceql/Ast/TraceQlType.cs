namespace Tempo.Engine.TraceQL.Ast;

/// <summary>The types of TraceQL values and expressions.</summary>
public enum TraceQlType
{
    /// <summary>The absent value.</summary>
    Nil,
    /// <summary>64-bit signed.</summary>
    Int,
    /// <summary>64-bit IEEE.</summary>
    Float,
    String,
    Bool,
    /// <summary>Nanoseconds, 64-bit signed.</summary>
    Duration,
    Status,
    Kind,
    /// <summary>Of an expression only: depends on an attribute, known when a span is looked at.</summary>
    Attribute,
}

/// <summary>The groups of types that the language's rules speak of.</summary>
public static class TraceQlTypes
{
    /// <summary>Int, float and duration compare and compute with each other.</summary>
    public static bool IsNumeric(this TraceQlType type) => type is TraceQlType.Int or TraceQlType.Float or TraceQlType.Duration;
}

/// <summary>Span status; the numbers are OTLP's <c>Status.StatusCode</c>.</summary>
public enum TraceQlStatus
{
    Unset = 0,
    Ok = 1,
    Error = 2,
}

/// <summary>Span kind; the numbers are OTLP's <c>Span.SpanKind</c>.</summary>
public enum TraceQlKind
{
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}
