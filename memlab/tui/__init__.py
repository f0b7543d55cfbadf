"""The app: screens, widgets and styles. It reads run folders and never imports torch."""
