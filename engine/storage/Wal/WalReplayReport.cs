using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>Takes a record; the payload is valid during the call.</summary>
public delegate void WalRecordVisitor(TenantId tenant, ReadOnlySpan<byte> payload);

/// <summary>What a replay found.</summary>
/// <param name="Records">Records given to the visitor.</param>
/// <param name="PayloadBytes">Their payloads' bytes.</param>
/// <param name="CorruptBytes">Acknowledged bytes that had to be skipped. A torn tail is none: it was never acknowledged.</param>
/// <param name="Damage">Where and why, the first hundred places. Files named here go to quarantine when the generation is released.</param>
public sealed record WalReplayReport(long Records, long PayloadBytes, long CorruptBytes, IReadOnlyList<WalDamage> Damage);

/// <summary>A damaged place.</summary>
/// <param name="File">Name of the segment file.</param>
/// <param name="Offset">Its first byte.</param>
/// <param name="Length">Bytes up to where reading could go on.</param>
public readonly record struct WalDamage(string File, long Offset, long Length, string Reason);
