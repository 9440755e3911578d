namespace Tempo.Engine.Node.Peers;

/// <summary>
/// What one node asks another; the bytes are those of <see cref="Wire.PeerMessages"/>, of a slice those of
/// <see cref="Slices.SliceMessages"/>.
/// </summary>
public enum PeerQuestion
{
    /// <summary>Spans that are not in blocks, those that the asker does not have, and the newest blocks.</summary>
    Live,

    /// <summary>The metas of such blocks.</summary>
    Metas,

    /// <summary>A part of an object of a block that waits for its upload.</summary>
    Part,

    /// <summary>A query of a slice of the traces (<see cref="Slices.SliceQuestion"/>). Takes as long as it takes.</summary>
    Slice,
}
