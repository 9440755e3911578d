namespace Tempo.Perf.Load.Transport;

internal enum ExportOutcome
{
    /// <summary>The server took it: gRPC status 0, HTTP 2xx.</summary>
    Acknowledged,

    /// <summary>The server asks to come again later: gRPC 8 or 14, HTTP 429, 502, 503 or 504.</summary>
    Refused,

    /// <summary>Any other answer, or none.</summary>
    Failed,
}

/// <summary>
/// The answer to one request. <paramref name="RejectedSpans"/> is OTLP's partial success; <paramref name="Detail"/> is null when
/// acknowledged.
/// </summary>
internal readonly record struct ExportResponse(ExportOutcome Outcome, long RejectedSpans, string? Detail)
{
    /// <summary>When to come back, if it says so (Retry-After, RetryInfo); else zero.</summary>
    public TimeSpan RetryAfter { get; init; }

    /// <summary>When the kernel had it, in ticks of <see cref="System.Diagnostics.Stopwatch"/>; 0: there was no answer.</summary>
    public long ArrivedTicks { get; init; }
}

internal interface IExportObserver
{
    /// <summary>
    /// The request sent as <paramref name="slot"/> was answered. Called from inside <see cref="IExportConnection.Receive"/>, once a slot.
    /// </summary>
    void Completed(int slot, ExportResponse response);
}

/// <summary>
/// One connection to an OTLP receiver, driven by one thread.
/// Guarantees: every sent slot is completed once, unless the connection throws; then all open slots are lost.
/// Requires: <see cref="Send"/> only while <see cref="CanSend"/>, right after <see cref="Body"/> was filled.
/// Throws <see cref="IOException"/> or <see cref="System.Net.Sockets.SocketException"/> when the connection is of no more use.
/// </summary>
internal interface IExportConnection : IDisposable
{
    bool CanSend { get; }

    /// <summary>The server wants no more requests here. Wait for the open slots, then connect anew.</summary>
    bool IsDraining { get; }

    /// <summary>Where to write the next request's <paramref name="byteCount"/> bytes. Valid until <see cref="Send"/>.</summary>
    Span<byte> Body(int byteCount);

    /// <summary>Sends what <see cref="Body"/> holds; <paramref name="slot"/> names it in the answer.</summary>
    void Send(int slot);

    /// <summary>Waits at most <paramref name="timeoutMicros"/> for the server and handles all that has come.</summary>
    void Receive(long timeoutMicros);
}

/// <summary>The connection cannot go on: closed, or the peer broke the protocol.</summary>
internal sealed class TransportException(string message) : IOException(message);
