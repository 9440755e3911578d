using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Blocks;

/// <summary>
/// Traces that two sources have in common, and those among them of which they do not have the same spans, or it is not known. Both ascend.
/// </summary>
public readonly record struct InCommon(TraceId[] Ids, TraceId[] Unequal)
{
    public static readonly InCommon None = new([], []);

    /// <summary>Bytes of the ids.</summary>
    public long SizeBytes => (Ids.LongLength + Unequal.LongLength) * TraceId.SizeBytes;

    /// <summary>Those from <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public InCommon Between(TraceId first, TraceId last) =>
        new(Ids[TraceId.RangeOf(Ids, first, last)], Unequal[TraceId.RangeOf(Unequal, first, last)]);

    /// <summary>Those below an id.</summary>
    internal InCommon Before(TraceId id) =>
        new(Ids[..TraceId.RangeOf(Ids, id, id).Start], Unequal[..TraceId.RangeOf(Unequal, id, id).Start]);

    /// <summary>Those above an id.</summary>
    internal InCommon Behind(TraceId id) =>
        new(Ids[TraceId.RangeOf(Ids, default, id).End..], Unequal[TraceId.RangeOf(Unequal, default, id).End..]);

    /// <summary>What was found out of three pieces, in their order.</summary>
    internal static InCommon Joined(InCommon a, InCommon b, InCommon c) =>
        new([.. a.Ids, .. b.Ids, .. c.Ids], [.. a.Unequal, .. b.Unequal, .. c.Unequal]);
}
