namespace Tempo.Ring.Peers;

/// <summary>
/// The records of a batch as they lie in memory: small requests are put together, and a large one (<see cref="Peer"/> says from where on)
/// stays where it is.
/// </summary>
/// <param name="Body"><see cref="PeerProtocol.HeadRoomBytes"/> that are free, for the head of the post; then the requests, unless there is
/// a large one; then their headers and the end.</param>
/// <param name="Large">The only request, if it is not in the body; it goes between the head and the rest.</param>
public readonly record struct PushBatch(Memory<byte> Body, ReadOnlyMemory<byte> Large = default)
{
    /// <summary>Of the records.</summary>
    public int RecordBytes => Body.Length - PeerProtocol.HeadRoomBytes + Large.Length;

    /// <summary>The records in one piece.</summary>
    public byte[] Records() => [.. Large.Span, .. Body.Span[PeerProtocol.HeadRoomBytes..]];
}
