using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp;

// Finds the resource of a ResourceSpans and the scope of a ScopeSpans, wherever they stand and however often.
public static partial class OtlpTraceReader
{
    /// <summary>A singular message within its parent.</summary>
    private ref struct Located
    {
        /// <summary>Empty if absent; a joined copy if it stands several times.</summary>
        public ReadOnlySpan<byte> Message;

        /// <summary>Where the (first) message starts in the request.</summary>
        public int Origin;
        public int Count;
    }

    private static bool TryLocate(ReadOnlySpan<byte> parent, int origin, uint tag, out Located located, scoped ref OtlpError error)
    {
        located = default;
        located.Origin = origin;
        var reader = new ProtobufReader(parent, origin);
        while (reader.TryReadTag(out var current))
        {
            if (current != tag)
            {
                if (!reader.TrySkip(current)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            if (located.Count++ > 0) continue;
            located.Message = content;
            located.Origin = reader.Offset - content.Length;
        }

        if (located.Count > 1 && !reader.HasFailed) located.Message = RepeatedMessage.Join(parent, tag);
        return Conclude(reader, ref error);
    }

    private interface IPieceCheck
    {
        static abstract bool IsSound(ReadOnlySpan<byte> message, int origin, scoped ref OtlpError error);
    }

    private readonly struct ResourceCheck : IPieceCheck
    {
        public static bool IsSound(ReadOnlySpan<byte> message, int origin, scoped ref OtlpError error)
        {
            var summary = new OtlpRequestSummary();
            return ReadResource(message, origin, ref summary, ref error);
        }
    }

    private readonly struct ScopeCheck : IPieceCheck
    {
        public static bool IsSound(ReadOnlySpan<byte> message, int origin, scoped ref OtlpError error)
        {
            var summary = new OtlpRequestSummary();
            return ReadScope(message, origin, ref summary, ref error);
        }
    }

    /// <summary>
    /// Checks the pieces of a message that stands several times one by one, in place, so that an error is reported where
    /// it lies in the request and the joined copy is known to be sound.
    /// </summary>
    private static bool CheckEach<TCheck>(ReadOnlySpan<byte> parent, int origin, uint tag, scoped ref OtlpError error)
        where TCheck : struct, IPieceCheck
    {
        var reader = new ProtobufReader(parent, origin);
        while (reader.TryReadTag(out var current))
        {
            if (current != tag)
            {
                if (!reader.TrySkip(current)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            if (!TCheck.IsSound(content, reader.Offset - content.Length, ref error)) return false;
        }

        return Conclude(reader, ref error);
    }
}
