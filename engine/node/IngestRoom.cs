namespace Tempo.Engine.Node;

/// <summary>What a request would meet that comes in now.</summary>
/// <param name="Reason">Why it would be refused whatever is in it: too much waits to be written as blocks. Empty: it would not.</param>
/// <param name="Storing">Requests that are being stored.</param>
/// <param name="StoringBytes">Their bytes.</param>
/// <param name="IsClosed">The node stops: nothing is taken any more.</param>
public readonly record struct IngestRoom(string Reason, int Storing, long StoringBytes, bool IsClosed)
{
    /// <summary>Nothing is in the way, as far as is known here.</summary>
    public static IngestRoom Open { get; } = new("", 0, 0, false);
}
