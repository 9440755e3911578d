namespace Tempo.Engine.Query.Search;

/// <summary>
/// Threads that searches may borrow beside their own. A search takes those that are free when it begins a piece of work and gives
/// them back at its end, which is soon, so that searches that come later get their share. Thread safe.
/// </summary>
public interface IWorkerSlots
{
    /// <summary>Takes up to <paramref name="wanted"/>, without waiting; the result is how many.</summary>
    int Take(int wanted);

    /// <summary>Gives back what was taken.</summary>
    void Return(int taken);
}
