namespace Tempo.Engine.TraceQL;

/// <summary>Why a query text was refused.</summary>
/// <param name="Kind">At which step.</param>
/// <param name="Message">For the user, as Tempo words it; parse errors name line and column. A long quote of the query is cut.</param>
/// <param name="Line">Of a parse error, from 1; 0 for other kinds.</param>
/// <param name="Column">Of a parse error, in runes from 1; 0 for other kinds.</param>
public sealed record TraceQlError(TraceQlErrorKind Kind, string Message, int Line = 0, int Column = 0)
{
    /// <summary>Longest message, in characters: a query of 128 KiB must not come back whole.</summary>
    public const int MaxMessageLength = 1024;

    public string Message { get; init; } = Message.Length <= MaxMessageLength ? Message : Message[..(MaxMessageLength - 1)] + "…";
}

/// <summary>At which step a query was refused.</summary>
public enum TraceQlErrorKind
{
    /// <summary>The text is longer than the caller allows; nothing of it was read.</summary>
    TooLong,

    /// <summary>The text is not in the language.</summary>
    Parse,

    /// <summary>The text parses and makes no sense, for example adds a string to a number.</summary>
    Validation,

    /// <summary>The text makes sense and is not supported yet.</summary>
    Unsupported,
}

/// <summary>Thrown by <see cref="TraceQlParser.Parse"/> for callers that end a request by an exception.</summary>
public sealed class TraceQlException(TraceQlError error) : Exception(error.Message)
{
    public TraceQlError Error { get; } = error;
}
