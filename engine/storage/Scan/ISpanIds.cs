namespace Tempo.Engine.Storage.Scan;

/// <summary>Which ids the spans of a trace have in answers, where those they came with would name two spans at once.</summary>
public interface ISpanIds
{
    /// <summary>Id of span <paramref name="i"/> and of its parent, 0 for none.</summary>
    (ulong Id, ulong Parent) Of(OrderedTrace trace, int i);
}
