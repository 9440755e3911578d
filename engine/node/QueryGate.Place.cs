using Tempo.Engine.Query.Search;

namespace Tempo.Engine.Node;

internal sealed partial class QueryGate
{
    /// <summary>The right to run a query, on one thread and on those that it can borrow; disposed once.</summary>
    internal sealed class Place : IWorkerSlots, IDisposable
    {
        private readonly QueryGate _gate;
        private readonly TenantLine _line;
        private long _since;

        public Place(QueryGate gate, TenantLine line) => (_gate, _line, _since) = (gate, line, gate._time.GetTimestamp());

        /// <summary>When a thread of it had its last turn.</summary>
        internal long Since
        {
            get => Volatile.Read(ref _since);
            set => Volatile.Write(ref _since, value);
        }

        public int Take(int wanted) => _gate.Take(_line, wanted);

        public void Return(int taken) => _gate.Return(_line, taken);

        public void Yield(CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_gate._isPressed) _gate.Yield(this, _line, cancellation);
        }

        public void Dispose() => _gate.Return(_line, 1);
    }
}
