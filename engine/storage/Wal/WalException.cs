namespace Tempo.Engine.Storage.Wal;

/// <summary>The log cannot be opened; the message says what and where.</summary>
public sealed class WalException(string message, Exception? inner = null) : Exception(message, inner);
