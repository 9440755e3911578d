using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>The way to other nodes: HTTP/2 (<see cref="PeerTransport"/>), or a simulated network. Thread safe.</summary>
public interface IPeerTransport : IDisposable
{
    /// <summary>
    /// Asks a node at an address; the answer is appended. Without a body it is a ping. Throws <see cref="PeerException"/>, with an inner
    /// exception if nobody answered.
    /// </summary>
    ValueTask AskAsync(string name, string address, string path, ReadOnlyMemory<byte>? body, NativeBuffer answer, CancellationToken cancellation);

    /// <summary>Opens a way on which the node is given spans.</summary>
    IPushStream OpenPush(string name, string address);
}

/// <summary>The way on which a node is given spans, frame by frame. Once something fails it is over, and all that waits fails with it. Thread safe.</summary>
public interface IPushStream : IDisposable
{
    /// <summary>Another one is to be opened.</summary>
    bool IsOver { get; }

    /// <summary>
    /// Sends a frame whose first <see cref="PeerProtocol.FrameHeaderBytes"/> are free, and waits for the outcomes. Throws <see cref="PeerException"/>;
    /// <paramref name="sent"/> is called once the memory may be used again, and not at all if it may never be.
    /// </summary>
    Task<byte[]> AskAsync(Memory<byte> frame, Action sent, CancellationToken cancellation);
}
