using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>The way to other nodes: HTTP (<see cref="PeerTransport"/>), or a simulated network. Thread safe.</summary>
public interface IPeerTransport : IDisposable
{
    /// <summary>
    /// Asks a node at an address; the answer is appended. Without a body it is a ping. Throws <see cref="PeerException"/>, with an inner
    /// exception if nobody answered.
    /// </summary>
    ValueTask AskAsync(
        string name, string address, string path, ReadOnlyMemory<byte>? body, NativeBuffer answer, CancellationToken cancellation);

    /// <summary>The way on which a node is given spans.</summary>
    IPushWay OpenPush(string name, string address);
}

/// <summary>The way on which a node is given spans, batch by batch, several at once. Disposed, nothing more is sent. Thread safe.</summary>
public interface IPushWay : IDisposable
{
    /// <summary>
    /// Sends the records of a batch, and waits for the outcomes; none: there was no
    /// room for it. Throws <see cref="PeerException"/>, with an inner exception if nobody answered. Once it is cancelled all that is under
    /// way fails. Of the batch's memory nothing is used any more when this ends, however it does.
    /// </summary>
    Task<byte[]> AskAsync(PushBatch batch, CancellationToken cancellation);
}
