namespace Tempo.Host.Startup;

/// <summary>A port cannot be listened on: taken, or not this machine's address. The message says which and why.</summary>
public sealed class ListenException(string message) : Exception(message);
